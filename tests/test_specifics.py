"""Unsupported specifics: what counts as a detail, and what supports it."""

import pytest

from ladder_bench.judge.specifics import Evidence, Specific, find

# Grading one 150-word answer takes well under a millisecond once its evidence has been read; no test depends on it.

BRIEF = "Our team of twenty works in Hamburg. We serve 1,200 requests a second, 40 mio rows, a 2.4837 GB index."
TRIP = "We fly on 12 March 2025 at 2:30 pm and stay for two weeks. Budget: 1,850 EUR. The drive is 5 km, 2 h by bus."
CODE = "Python 3.11.2, table user_orders, error ORA-00942 in src/app/main.py, docs at https://docs.acme.io/setup"
PEOPLE = "Maria Lopez of Brightwater Foundation wrote from m.lopez@brightwater.org about booking HX48Q2."

# (evidence, answer, the specific, whether the evidence supports it)
LABELLED = [
    # supported: the same value, written otherwise
    (BRIEF, "The index takes 2.5 GB.", "2.5 GB", True),
    (BRIEF, "The index takes 2484 MB.", "2484 MB", True),
    (BRIEF, "You have 40,000,000 rows there.", "40,000,000", True),
    (BRIEF, "At 1.2k requests, one server is enough.", "1.2k", True),
    (BRIEF, "All 20 people get an account.", "20", True),
    (BRIEF, "The office is in Hamburg.", "Hamburg", True),
    (TRIP, "You leave on 2025-03-12.", "2025-03-12", True),
    (TRIP, "You leave on Mar 12.", "Mar 12", True),
    (TRIP, "You leave on 12/03/2025.", "12/03/2025", True),
    (TRIP, "You are back on 26 March 2025.", "26 March 2025", True),
    (TRIP, "Departure is at 14:30.", "14:30", True),
    (TRIP, "The bus takes 120 minutes.", "120 minutes", True),
    (TRIP, "The drive is 5000 m.", "5000 m", True),
    (TRIP, "You arrive at 16:30 by bus.", "16:30", True),
    (TRIP, "You stay 14 days.", "14 days", True),
    (TRIP, "You have about €1,900 to spend.", "€1,900", True),
    ("Half of them: 0.5 of 240.", "That is 50%, so 120 of them.", "120", True),
    ("Growth was 12.5% on 640 units.", "That makes 720 units.", "720", True),
    ("Rent is $900, food $350.", "Together you pay $1,250.", "$1,250", True),
    ("Rent is $900, food $350, power $85.", "Together you pay $1,335.", "$1,335", True),
    ("18 boxes of 24 bottles.", "You get 432 bottles.", "432", True),
    ("We drove 300 km in 4 hours.", "That is 75 km an hour.", "75 km", True),
    ("Bake at 350°F.", "Set it to 177°C.", "177°C", True),
    ("Name some fruits.", "Here are 5 fruits:\n- apple\n- pear\n- plum\n- fig\n- lime", "5", True),
    ("Add 17 and 26, then 9.", "17 + 26 = 43, and 43 + 9 = 52.", "52", True),
    (CODE, "Python 3.11 is what you run.", "Python 3.11", True),
    (CODE, "The column belongs to userOrders here.", "userOrders", True),
    (CODE, "ORA-00942 says that it is missing.", "ORA-00942", True),
    (CODE, "Look at main.py again.", "main.py", True),
    (CODE, "See docs.acme.io/setup/ for that.", "docs.acme.io/setup/", True),
    (PEOPLE, "Please answer to M.Lopez@brightwater.org today.", "M.Lopez@brightwater.org", True),
    (PEOPLE, "I have told Ms Lopez about it.", "Lopez", True),
    (PEOPLE, "Your code is HX48Q2 still.", "HX48Q2", True),
    # planted: nothing before says so
    (BRIEF, "The index takes 3.7 GB.", "3.7 GB", False),
    (BRIEF, "You have 60 mio rows there.", "60 mio", False),
    (BRIEF, "Latency rose to 250 ms last night.", "250 ms", False),
    (BRIEF, "About 35% of them fail.", "35%", False),
    (BRIEF, "The office is in Munich.", "Munich", False),
    (BRIEF, "We spoke with Jonas Keller about it.", "Jonas Keller", False),
    (TRIP, "You leave on 14 March 2025.", "14 March 2025", False),
    (TRIP, "You leave on 2025-04-12.", "2025-04-12", False),
    (TRIP, "Departure is at 15:10.", "15:10", False),
    (TRIP, "The flight costs 640 EUR.", "640 EUR", False),
    (TRIP, "You have $1,850 to spend.", "$1,850", False),
    (TRIP, "The drive is 17 km.", "17 km", False),
    (TRIP, "Your flight is LH4471 as booked.", "LH4471", False),
    ("Rent is $900, food $350.", "Together you pay $1,480.", "$1,480", False),
    ("18 boxes of 24 bottles.", "You get 460 bottles.", "460", False),
    ("Name some fruits.", "Here are 6 fruits:\n- apple\n- pear\n- plum\n- fig\n- lime", "6", False),
    ("How tall is it?", "It is 8,848 m tall.", "8,848 m", False),
    (CODE, "That was fixed in version 3.12.1 of it.", "version 3.12.1", False),
    (CODE, "The table customer_invoices is locked.", "customer_invoices", False),
    (CODE, "It ends with ORA-12541 then.", "ORA-12541", False),
    (CODE, "Look at src/app/worker.py again.", "worker.py", False),
    (CODE, "See https://docs.acme.io/install for that.", "https://docs.acme.io/install", False),
    (CODE, "The `invoices` table is locked.", "invoices", False),
    (PEOPLE, "Please answer to office@brightwater.org today.", "office@brightwater.org", False),
    (PEOPLE, "I have told Dr. Stein about it.", "Stein", False),
    (PEOPLE, "The Oakfield Institute agrees with it.", "Oakfield Institute", False),
    (PEOPLE, "Your order #48213 is on its way.", "#48213", False),
    (PEOPLE, "The clinic called it a success, says Anna Bergmann.", "Anna Bergmann", False),
]

# (evidence, answer, all that it makes up); written before the rule was tried on it, so some of it fails
UNSEEN: list[tuple[str, str, list[str]]] = [
    (
        "The outage began at 9:05 am on June 3 and lasted 3 hours; 4,500 users were hit.",
        "It ended at 12:05 pm, and 4.5k users were affected.",
        [],
    ),
    (
        "The outage began at 9:05 am on June 3 and lasted 3 hours.",
        "It ended at 1:15 pm on June 4.",
        ["1:15 pm", "June 4"],
    ),
    ("I earn 4200 a month and pay 30% tax.", "You keep 2,940 per month, or 35,280 a year.", []),
    ("I earn 4200 a month and pay 30% tax.", "You keep 3,150 per month.", ["3,150"]),
    ("My daughter is seven, we have 3 cats.", "For a 7-year-old that is fine.", []),
    ("Our API returns 503 since deploy v2.4.1", "Roll back to v2.4.0 and restart the gateway.", ["v2.4.0"]),
    ("Our API returns 503 since deploy v2.4.1", "The 503 comes from v2.4.1.", []),
    (
        "We need 250 chairs for the gala at Hotel Adler, budget 5,000 CHF",
        "At 20 CHF per chair you spend exactly 5,000 CHF.",
        [],
    ),
    (
        "We need 250 chairs for the gala at Hotel Adler, budget 5,000 CHF",
        "The caterer Blum Events charges 3,400 CHF.",
        ["3,400 CHF"],
    ),
    ("Config is in /srv/app/settings.toml with max_conn 80", "Raise max_conn in settings.toml to 120.", ["120"]),
    (
        "Config is in /srv/app/settings.toml with max_conn 80",
        "The limit max_idle_time in /srv/app/pool.toml is 30 seconds.",
        ["max_idle_time", "/srv/app/pool.toml", "30 seconds"],
    ),
    ("I weigh 176 lbs and am 5 feet tall", "That is about 80 kg.", []),
    ("I weigh 176 lbs", "That is about 95 kg.", ["95 kg"]),
    (
        "Contract signed 1 February 2024 for 12 months by Elena Petrova",
        "It runs out on 31 January 2025, says Elena Petrova.",
        [],
    ),
    (
        "Contract signed 1 February 2024 for 12 months by Elena Petrova",
        "Notice is due by 15 November 2024 to Mr Ivanov.",
        ["15 November 2024", "Ivanov"],
    ),
    ("Team of 12, sprint of two weeks", "With 12 people and 10 working days you have 120 person days.", ["10"]),
    ("My invoice 2024-118 is over 640 euros", "Invoice 2024-118 over €640 was due on 2024-05-30.", ["2024-05-30"]),
    ("Average of 12, 15 and 18 please", "The average is 15, the sum is 45.", []),
    ("Average of 12, 15 and 18 please", "The average is 16.5.", ["16.5"]),
    ("Write to support", "Write to help@northwind.com or call 0800 123456.", ["help@northwind.com", "0800", "123456"]),
    ("We moved from Leeds to Bristol", "The move from Leeds to Bristol took place in Cardiff.", ["Cardiff"]),
    ("The server has 64 GB RAM, we use 48 GB", "75% of the memory is used, 16 GB is free.", []),
    ("The server has 64 GB RAM, we use 48 GB", "90% of the memory is used.", ["90%"]),
    ("p95 is 1.8 s, target 0.5 s", "You are 1.3 s above the target, 3.6 times too slow.", []),
    ("p95 is 1.8 s, target 0.5 s", "A cache brings it to 420 ms.", ["420 ms"]),
    (
        "The lawyer Klara Vogt sent the draft",
        "According to Klara Vogt and her colleague Peter Lindholm, clause 14 applies.",
        ["Peter Lindholm", "14"],
    ),
]


@pytest.mark.parametrize(("evidence", "answer", "text", "supported"), LABELLED)
def test_a_detail_is_supported_only_by_what_was_said(evidence: str, answer: str, text: str, supported: bool) -> None:
    verdicts = {specific.text: specific.supported for specific in find(answer, Evidence([evidence]))}

    assert verdicts.get(text) == supported, verdicts


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param([(known, said, [] if ok else [text]) for known, said, text, ok in LABELLED], id="labelled"),
        pytest.param(UNSEEN, id="unseen"),
    ],
)
def test_made_up_details_are_found_with_high_precision_and_recall(cases: list[tuple[str, str, list[str]]]) -> None:
    planted = {(row, text) for row, (_, _, made_up) in enumerate(cases) for text in made_up}
    flagged = {
        (row, specific.text)
        for row, (evidence, answer, _) in enumerate(cases)
        for specific in find(answer, Evidence([evidence]))
        if not specific.supported
    }

    assert len(flagged & planted) / len(flagged) >= 0.85
    assert len(flagged & planted) / len(planted) >= 0.8


@pytest.mark.parametrize(
    "answer",
    [
        "There are 2 ways to do that, and 3 reasons.",
        "1. Stop the server.\n2. Copy the files.\n3. Start it.\n4. Check the log.",
        "Do it like so: 1. stop; 2. copy; 3. start; 4. check; 5. rest.",
        "Step 4 comes after the 5th try.",
        "4️⃣ Walk to work.",
        "I'm 100% sure that it runs 24/7.",
        "Do you mean the 45 GB disk of Mr Weber?",
        "Pick a number, e.g. 4711 or 815.",
        "```sql\nCREATE INDEX orders_idx ON orders (customer) WITH (fillfactor = 70);\n```",
        "Run `SET work_mem = 64` before it.",
        "Write to you@example.com or open http://localhost:8080/health.",
        "Dear [Your Name], Best regards, [Company Name]",
        "Use Postgres, Excel or Google Sheets for that.",
        "Machine Learning and Supply Chain Management are large fields.",
        "# Getting Started Today\n\nThe rest follows on Monday in June.",
        "Name it `retry_count` and create a file like notes.txt.",
        "Look in pg_stat_activity first, with UTF-8 and SHA-256.",
        "Thanks! Let me know. However, What You Need is time.",
    ],
)
def test_what_everybody_says_is_no_specific(answer: str) -> None:
    assert find(answer, Evidence(["Please help me."])) == ()


def test_addresses_and_versions_count_inside_code_too() -> None:
    answer = "```sh\npip install acme==4.5.6\ncurl https://acme.io/get\n```"

    assert {specific.text for specific in find(answer, Evidence())} == {"==4.5.6", "https://acme.io/get"}


def test_a_result_is_not_taken_as_computed_when_it_would_arise_from_anything() -> None:
    known = Evidence(["Prices: 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47."])

    assert [specific.supported for specific in find("We sold 60 of them, and 7 came back.", known)] == [False, False]


def test_a_number_with_another_unit_is_another_number() -> None:
    assert find("It takes 20 minutes.", Evidence(["It has 20 GB."])) == (Specific("number", "20 minutes", False),)


def test_evidence_grows_without_changing_what_it_grew_from() -> None:
    first = Evidence(["It costs $40."])
    second = first.plus("It weighs 7 kg.")

    assert not find("It weighs 7 kg.", first)[0].supported
    assert find("It weighs 7 kg.", second)[0].supported
    assert second == Evidence(["It costs $40.", "It weighs 7 kg."])


def test_a_day_that_no_month_has_is_no_date() -> None:
    found = find("Pay by 0 May 2024, not by 7 June 2024.", Evidence(["It was sent on 5 May 2024."]))

    assert [specific.text for specific in found if specific.kind == "date"] == ["7 June 2024"]


def test_each_detail_is_listed_once_in_reading_order() -> None:
    found = find("Maria Lopez owes $70. Yes, $70, by 5 May 2024.", Evidence())

    assert [specific.text for specific in found] == ["Maria Lopez", "$70", "5 May 2024"]


@pytest.mark.parametrize("answer", ["", " \n", "```", "1", "$", "0/0 = 0", "99/99/9999 25:99", "٣ ½ ²", "x" * 20_000])
def test_odd_text_is_read_without_an_error(answer: str) -> None:
    assert all(specific.supported for specific in find(answer, Evidence([answer])))
