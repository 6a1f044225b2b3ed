"""Units: what scales, currencies and units of measure are worth, so that 2.5 GB and 2484 MB can be compared."""

from __future__ import annotations

SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9}
SCALES |= {"billion": 1e9, "trillion": 1e12, "hundred": 1e2, "dozen": 12.0, "lakh": 1e5, "crore": 1e7}
ANY_MONEY = "money"  # cents, and amounts in a currency that is not told
_CODES = "usd eur gbp jpy inr chf sek dkk nok isk pln czk huf ron cad aud nzd sgd hkd cny krw zar brl mxn"
CODES = tuple(_CODES.split())
CURRENCIES = {code: code for code in CODES}
CURRENCIES |= {"$": "usd", "us$": "usd", "€": "eur", "£": "gbp", "¥": "jpy", "₹": "inr", "rs": "inr", "rs.": "inr"}
MONEY = frozenset((*CODES, ANY_MONEY))

# a unit's factor to the base unit of its dimension
_MEASURES: dict[str, dict[str, float]] = {
    "time": {
        "µs microsecond microseconds": 1e-6,
        "ms msec millisecond milliseconds": 0.001,
        "s sec secs second seconds": 1,
        "min mins minute minutes": 60,
        "h hr hrs hour hours": 3600,
        "d day days night nights": 86400,
        "week weeks wk wks": 7 * 86400,
        "month months": 30.4375 * 86400,
        "year years yr yrs year-old": 365.25 * 86400,
        "decade decades": 3652.5 * 86400,
        "century centuries": 36525 * 86400,
    },
    "length": {
        "mm millimeter millimeters millimetre millimetres": 0.001,
        "cm centimeter centimeters centimetre centimetres": 0.01,
        "m meter meters metre metres": 1,
        "km kilometer kilometers kilometre kilometres": 1000,
        "inch inches": 0.0254,
        "ft foot feet": 0.3048,
        "yd yard yards": 0.9144,
        "mi mile miles": 1609.344,
    },
    "area": {
        "cm²": 1e-4,
        "m² sqm": 1,
        "mi²": 2.59e6,
        "km²": 1e6,
        "ha hectare hectares": 1e4,
        "acre acres": 4046.86,
        "sqft": 0.0929,
    },
    "mass": {
        "µg": 1e-9,
        "mg milligram milligrams": 1e-6,
        "g gram grams": 0.001,
        "kg kilogram kilograms kilos": 1,
        "oz ounce ounces": 0.0283495,
        "lb lbs pound pounds": 0.453592,
        "t tonne tonnes ton tons": 1000,
    },
    "volume": {
        "ml milliliter milliliters millilitre millilitres": 0.001,
        "cl": 0.01,
        "dl": 0.1,
        "l liter liters litre litres": 1,
        "m³": 1000,
        "tsp teaspoon teaspoons": 0.004929,
        "tbsp tablespoon tablespoons": 0.014787,
        "cup cups": 0.2366,
        "pint pints": 0.4732,
        "gallon gallons": 3.7854,
    },
    "data": {"byte bytes": 1, "kb kib": 1e3, "mb mib": 1e6, "gb gib": 1e9, "tb tib": 1e12, "pb pib": 1e15},
    "data/s": {"kb/s": 1e3, "mb/s": 1e6, "gb/s": 1e9},
    "speed": {"km/h kph kmh": 1, "mph": 1.609344, "m/s": 3.6},
    "power": {"mw": 1e6, "kw": 1000, "w watt watts": 1},  # MW: nobody states milliwatts
    "energy": {"wh": 0.001, "kwh": 1, "mwh": 1000, "gwh": 1e6},
    "food energy": {"kcal": 1, "kj": 0.239},
    "frequency": {"hz": 1, "khz": 1e3, "mhz": 1e6, "ghz": 1e9},
    "pressure": {"bar": 1, "psi": 0.06895},
    "%": {"% percent percentage pct": 1},
    ANY_MONEY: {"cent cents pence ct": 0.01},
    **{code: {code: 1} for code in CODES},
}
_SQUARES = {"ft": "sqft", "m": "m²", "km": "km²", "mi": "mi²"}
_SPELLINGS = {
    "usd": "$ dollar dollars bucks",
    "eur": "€ euro euros",
    "gbp": "£",
    "jpy": "¥ yen",
    "inr": "₹ rupee rupees",
}
_SPELLINGS |= {"sek": "kronor", "dkk": "kroner", "pln": "zloty"}
UNITS: dict[str, tuple[str, float, float]] = {
    name: (dimension, float(factor), 0.0)
    for dimension, measures in _MEASURES.items()
    for names, factor in measures.items()
    for name in names.split()
}
UNITS |= {name: (code, 1.0, 0.0) for code, names in _SPELLINGS.items() for name in names.split()}
UNITS |= {"x": ("", 1.0, 0.0)}  # 12x faster
UNITS |= {"W": UNITS["w"], "L": UNITS["l"]}
UNITS |= {
    f"sq{dot}{gap}{name}": UNITS[unit] for dot in ("", ".") for gap in ("", " ") for name, unit in _SQUARES.items()
}
UNITS |= {"per cent": ("%", 1.0, 0.0)}
UNITS |= {"°c": ("temperature", 1.0, 0.0), "celsius": ("temperature", 1.0, 0.0)}
UNITS |= {"°f": ("temperature", 5 / 9, -160 / 9), "fahrenheit": ("temperature", 5 / 9, -160 / 9)}

# what turns an amount of the period that a text speaks of into that of another
PERIODS = {"month": (12, 30), "year": (12, 52, 365), "week": (7, 52), "day": (7, 24, 30, 365), "hour": (24, 60)}
PERIODS |= {"minute": (60,), "daily": (7, 30, 365), "weekly": (7, 52), "monthly": (12, 30), "yearly": (12, 52, 365)}
PERIODS |= {f"{name}s": PERIODS[name] for name in ("month", "year", "week", "day", "hour", "minute")}
PERIODS |= {"annual": PERIODS["year"], "annually": PERIODS["year"], "hourly": PERIODS["hour"], "min": (60,)}
# what stands beside an operator as a mere conversion
CONVERSIONS = frozenset((7, 12, 24, 30, 52, 60, 100, 365, 1000, 1024, 3600))


def alike(first: str, second: str) -> bool:
    """Say whether two dimensions are one: any amount of money may be in cents."""
    return first == second or (ANY_MONEY in (first, second) and first in MONEY and second in MONEY)
