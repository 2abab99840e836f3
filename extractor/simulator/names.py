"""Words of which invented people are made: names in many scripts, cities, programs. Data only; used by ``profiles``.

Nobody here exists. E-mail domains are those reserved for examples; telephone numbers are made elsewhere, from the
range that is reserved for fiction.
"""

from __future__ import annotations

FIRST = (
    "Ada", "Zoë", "Søren", "José", "Łukasz", "François", "Jürgen", "Siobhán", "Ngọc", "Ɓala",
    "Ольга", "Ђорђе", "Χρήστος", "Արմեն", "მარიამ", "ليلى", "محمد", "נועה", "آرش", "ज्योति",
    "அருண்", "ประเสริฐ", "미나", "さくら", "タロウ", "小明", "靜宜", "𠮷郎", "ሰላም", "Ana\u00a0Mari\u0301a",
    "Zo\u0308e", "A\u030ase", "D'Arcy", 'Max "the" Axe', "Back\\slash", "Tab\there", "👩🏽‍🚀", "🇺🇳 Robin", "O’Neil",  # noqa: RUF001 - as people type it
)  # fmt: skip
LAST = (
    "Example", "Muster", "Þórsdóttir", "Nuñez", "Dvořák", "O'Sample", "van der Test", "Nguyễn", "Иванова",
    "الاختبار", "לדוגמה", "शर्मा", "பொன்னி", "แสงดาว", "김", "山田", "王", "歐陽", "De la Cruz-Smith",
    "S\u0327ahin", "Null", "True", "N/A", "100% Real", "<b>Bold</b>", "; DROP TABLE", "\u202bשמש\u202c",
    "Παπαδοπούλου",
)  # fmt: skip
PREFIXES = (None, "Dr.", "Ms", "Mr", "Mx", "Prof. Dr.", "")
SUFFIXES = (None, None, None, "Jr.", "III", "PhD")
LOCALES = ("en_US", "en_CA", "fr_CA", "es_MX", "de_DE", "pt_BR", "ar_AE", "hi_IN", "zh_CN", "zh_TW", "ja_JP", "ko_KR")
CUSTOMER_TYPES = ("Customer", "Prospect", "Employee", "Partner", None)

EMAIL_DOMAINS = ("example.com", "example.org", "example.net", "mail.example", "inbox.test")
EMAIL_TYPES = ("Home", "Work", "Other")
PHONE_TYPES = ("Mobile", "Home", "Work")
ADDRESS_TYPES = ("Home", "Billing", "Shipping")
ALTERNATE_ID_TYPES = ("CRM", "Loyalty")

CITIES = (
    ("Springfield", "IL", "62701"), ("Québec", "QC", "G1A 0A2"), ("Mexico City", "CDMX", "06000"),
    ("Saint-Jérôme", "QC", "J7Y 1A1"), ("Sleepy Hollow", "NY", "10591"), ("Zürich", "ZH", "8001"),
    ("القاهرة", "C", "11511"), ("東京", "13", "100-0001"), ("São Paulo", "SP", "01000-000"),
    ("Fairbanks", "AK", "99701"),
)  # fmt: skip
COUNTRIES = (("United States", "840", "US", "USA"), ("Canada", "124", "CA", "CAN"), ("Mexico", "484", "MX", "MEX"))
STREETS = ("Main Street", "Rue de l'Exemple", "Calle Ñandú", "Musterweg", "示例路", "Elm St. #", "شارع المثال")

PROGRAMS = ("Newsletter", "Offers", "Alerts", "Surveys", "Events", "Rewards", "Statements", "Partner-Offers")
CHANNELS = ("Phone", "Fax", "Text", "Email", "Mail")
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "ASNEEDED", None)
SOURCES = ("WEB-CENTER", "CALL-CENTER", "BATCH-IMPORT", "MOBILE-APP", "STORE-0042")
CONSENTS = ("Marketing", "Privacy Policy", "Terms of Use", "Biometric", "Profiling", "Cookies: all")
REASONS = ("CUSTOMER REQUEST", "GDPR-17", "DUPLICATE", None, "DECEASED", "Größere Bereinigung")
ATTRIBUTES = (
    ("campaign", "autumn-2026"), ("agent", "desk 12"), ("note", "asked twice, “politely” \u2014 ok"),
    ("ip", "203.0.113.7"), ("path", "C:\\temp\\form"), ("multi", "line one\nline two"), ("empty", ""),
    ("emoji", "💌✅"), ("sep", "a\u2028b\u2029c"),
)  # fmt: skip
CUSTOM_FIELDS = (
    ("AgeBand", "25-34"), ("LoyaltyTier", "Gold"), ("Score", "0.7300"), ("BigNumber", "9007199254740993"),
    ("Birthday", "02-29"), ("Comment", "Prefers mornings; speaks नमस्ते & 你好"), ("Nickname", "\u200bzero\u200dwidth"),
    ("LastVisit", "2026-10-31T23:59:59.997Z"),
    ("Nothing", None), ("Flag", "true"),
)  # fmt: skip
