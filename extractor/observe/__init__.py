"""Who listens to a run: progress bars, plain lines, JSON lines, the summary at the end.

Every listener is a plain callable of one news item, called from the event loop's thread; it keeps its own notes and can
change nothing. Imports only the vocabulary, so that nothing here can reach a secret, a page or the journal.

Decided: listeners write through an ``Outlet``, which falls silent when its reader has gone, because a closed terminal
or a broken pipe is no reason to lose a night's export; considered letting each listener guard itself.
Decided: clocks are arguments, so every listener is tested on scripted news without waiting.
Decided: this file imports nothing, because ``cli`` needs ``outlet`` for every message and rich for hardly any.
"""
