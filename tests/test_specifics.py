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


# (evidence, answer, all that it makes up): one case for each way to say or compute something
WAYS: list[tuple[str, str, list[str]]] = [
    ("Meeting on 12 March 2025.", "It is on the 12th, i.e. March 12th, 2025; the 12th of March.", []),
    (
        "Meeting on 12 March 2025.",
        "It is on the 13th of March. Please be there by the 11th.",
        ["13th of March", "the 11th"],
    ),
    ("Meeting on 12/03/2025.", "So on 3 December 2025.", []),
    ("Meeting on 12/03/2025.", "So on 3 October 2025.", ["3 October 2025"]),
    ("Start Monday 3 March 2025. Reviews every two weeks.", "Reviews: 17 March, 31 March, 14 April.", []),
    ("Start Monday 3 March 2025.", "We begin on Tuesday, 4 March.", ["4 March"]),
    ("Delivered Friday 6 June. Inspect within 3 working days.", "Inspect by Wednesday 11 June.", []),
    (
        "The fiscal Q3 ended with 1.2m in sales.",
        "In Q3 you sold for 1.2 million. In Q2 it was 0.9 million.",
        ["Q2", "0.9 million"],
    ),
    ("It costs 1.234,56 € a year.", "That is €1,234.56, or about €103 a month.", []),
    ("It costs USD 1.2bn.", "That is $1.2 billion, 1,200 million dollars.", []),
    ("It costs 12k€.", "That is €12,000.", []),
    ("Price went from 80 to 100.", "It rose by 25%, a quarter.", []),
    ("Price went from 80 to 100.", "It rose by 35%.", ["35%"]),
    ("Turnout was 3/4 of 1,200.", "So 75% or 900 people voted.", []),
    ("Turnout rose from 61% to 64%.", "It rose by 3 percentage points, about 5 percent.", []),
    ("Turnout rose from 61% to 64%.", "It rose by 7 percentage points.", ["7 percentage"]),
    ("We wait 4-6 weeks.", "You wait 4 to 6 weeks, i.e. 28–42 days.", []),
    ("The room is 4.2 m by 3.5 m.", "It has 14.7 m², about 158 sq ft.", []),
    ("Pack of 6 costs 4.50 EUR.", "One costs 75 cents.", []),
    ("Pack of 6 costs 4.50 EUR.", "One costs 85 cents.", ["85 cents"]),
    ("Marathon in 3:45:00.", "That is 3 hours 45 minutes, 225 minutes.", []),
    ("Train 9:41 to 11:08.", "It takes 1 hour 27 minutes, 87 minutes.", []),
    ("Train 9:41 to 11:08.", "It takes 1 hour 37 minutes.", ["1 hour 37 minutes"]),
    ("Opens 8am, closes 6pm.", "It is open ten hours a day, until 18:00.", []),
    ("Opens 8am, closes 6pm.", "It closes at 19:00 on Sundays.", ["19:00"]),
    (
        "Set DB_HOST and run app --port 8080.",
        "Set `DB_HOST`, pass `--port` 8080. You can add `--dry-run` and `DB_PASSWORD_FILE`.",
        ["DB_PASSWORD_FILE"],
    ),
    (
        "Error in fetch_user of api/users.py",
        "`fetch_user()` in users.py fails; `load_session()` in `api/session.py` calls it.",
        ["load_session()", "api/session.py"],
    ),
    ("Error in fetch_user", "Pass `--dry-run` first; `MAX_RETRIES` is 5.", ["--dry-run", "MAX_RETRIES", "5"]),
    ("Upgrade from 2.3 to 2.4.1", "2.4.1 is newer than 2.3; v2.5.0 is out, 2.4.2 too.", ["v2.5.0", "2.4.2"]),
    ("We use Django 4.2", "Django 4.2 is fine, Django 5.0 drops it.", ["Django 5.0"]),
    ("Contact: Dr. Anna-Lena Fischer, NHS trust", "Dr Fischer's office at the NHS will call; A.-L. Fischer signs.", []),
    (
        "Contact: Dr. Anna-Lena Fischer",
        "Prof. Wagner and J. R. Whitmore will call, also Priya's team.",
        ["Wagner", "J. R. Whitmore", "Priya"],
    ),
    ("My friend Siobhan lives in Cork.", "Siobhan's flat in Cork is near Galway.", ["Galway"]),
    ("Our client is ACME Corp.", "ACME Corp. wants it; Globex Corporation does not.", ["Globex Corporation"]),
    (
        "Mail me at ana@x.org",
        "I wrote to ana@x.org and to bob@x.org, see https://x.org/a?b=1.",
        ["bob@x.org", "https://x.org/a?b=1"],
    ),
    ("See https://docs.acme.io/v2/setup.html#linux", "It is at docs.acme.io/v2/setup.html.", []),
    ("There are A, B, C and D.", "You name four options: A, B, C, D.", []),
    ("List three.", "Here are 4 ideas:\n1. x\n2. y\n3. z\n4. w", []),
    (
        "List.",
        "| a | b |\n|---|---|\n| x | y |\n| z | w |\n| u | v |\n| s | t |\n| q | r |\n\nThe table has 5 rows.",
        [],
    ),
    ("List.", "Here are seven ideas:\n- a\n- b\n- c\n- d\n- e", ["seven"]),
    ("List.", "Here are five ideas:\n- a\n- b\n- c\n- d\n- e", []),
    ("List three ideas.", "The three ideas:\n1. a\n2. b", []),
    ("List.", "Three follow-ups:\na) mail\nb) phone", ["Three"]),
    ("List.", "Two groups:\n- a\n  - x\n  - y\n- b", []),
    ("List.", "- a\n- b\n- c\n\nThose are your two options.", ["two"]),
    ("List.", "Two things are open: the plan, the host and the sound.", ["Two"]),
    ("List.", "Four dates matter: 22 April, 29 April, 6 May.", ["Four", "22 April", "29 April", "6 May"]),
    ("List.", "Two things: rinse and dry the plates, and close the lid.", []),
    ("List.", "At least two things: the plan, the host and the sound.", []),
    ("We meet on Thursday, 8 May 2025.", "See you on Thursday, 8 May 2025.", []),
    ("We meet on 8 May 2025.", "See you on Wednesday, 8 May 2025.", ["8 May 2025"]),
    ("We meet on Thursday, 8 May.", "See you on Friday, 8 May.", ["8 May"]),
    ("We meet on 8 May.", "See you on Wednesday, 8 May.", []),
    ('{"distance_km": 1790}', "It is 1,112 miles.", []),
    ("Budget 2026 (in mio CHF): IT 3.45, cap 5.5.", "IT takes CHF 3,450,000 of CHF 5,500,000.", []),
    ("Salary band 58k-66k.", "It ends at 66,000.", []),
    ("I am 5 ft 9. Bake at 350 F.", "That is 175 cm, and 177 °C.", []),
    ("Call us.", "Write to help@nordvault.example, or to you@example.com.", ["help@nordvault.example"]),
    ("A column order and a column status.", "Filter on `order_status` there.", ["order_status"]),
    ("Trailer.", "Take trailer GD-7741K and form CPF-1 at UTC-5.", ["GD-7741K", "CPF-1"]),
    ("I have 17 apples, 5 pears.", "You have 22 fruits; 12 more apples than pears.", []),
    ("I have 17 apples, 5 pears.", "You have 24 fruits.", ["24"]),
    ("8 people, 3 nights, 45 EUR per person and night.", "That is 1,080 EUR, 135 EUR each, 360 EUR a night.", []),
    ("8 people, 3 nights, 45 EUR per person and night.", "That is 1,180 EUR, 125 EUR each.", ["1,180 EUR", "125 EUR"]),
    ("I paid 120, 95, 133 and 88.", "On average 109, in all 436.", []),
    ("I paid 120, 95, 133 and 88.", "On average 112, in all 426.", ["112", "426"]),
    ("Loan 10,000 at 5% a year.", "Interest is 500 a year, about 41.67 a month.", []),
    ("Loan 10,000 at 5% a year.", "Interest is 550 a year.", ["550"]),
    ("CPU at 340%, memory 2048 MB.", "Memory is 2 GB; the CPU uses 3.4 cores.", []),
    ("Latency 1,250 ms.", "It takes 1.25 s, over a second; roughly 1.3 s.", []),
    ("Body 98.6 °F.", "That is 37 °C.", []),
    ("Distance 42.195 km.", "That is 26.2 miles.", []),
    ("Distance 42.195 km.", "That is 28.4 miles.", ["28.4 miles"]),
    ("Call 555-0199.", "Call 555-0199 or 555-0142.", ["0142"]),
    ("The server is 10.0.0.5.", "10.0.0.5 answers, 10.0.0.9 does not.", ["10.0.0.9"]),
    ("We have 1,998 users.", "Nearly 2,000 users; just under 2k.", []),
    ("We have 1,998 users.", "Over 2,500 users.", ["2,500"]),
    ("Deadline in 10 days, today is 20 May.", "It is due on 30 May.", []),
    ("Deadline in 10 days, today is 20 May.", "It is due on 2 June.", ["2 June"]),
    ("Warranty of 24 months from 15 August 2023.", "It ends on 14 August 2025, i.e. 15 August 2025.", []),
    ("Warranty of 24 months from 15 August 2023.", "It ends on 15 October 2025.", ["15 October 2025"]),
    (
        "We open on Monday 2 June 2025 and reply within 5 working days.",
        "A message of 2 June is answered by 9 June, not on 12 June.",
        ["12 June"],
    ),
    ("The fine was 5,000 pounds.", "It was £5,000.", []),
    (
        "The choir was founded in 1987, it has 34 singers, led by Ondrej since 2016.",
        "It was founded in 1978.",
        ["1978"],
    ),
    (
        "Call with Nairobi (UTC+3) and Lisbon (UTC+1), 16:00 in Lisbon.",
        "That is 18:00 in Nairobi, not 17:20.",
        ["17:20"],
    ),
    ("Call 0800-447-1190.", "Call 0800 4471190.", []),
    ("Lena swam 1:14.2 and then 1:10.9.", "She was 3.3 seconds faster; 1:09.5 is next.", ["1:09.5"]),
    ("Use `a_b` there.", "In `a_b` the 77 rows of `a_b` count.", ["77"]),
]


@pytest.mark.parametrize(("evidence", "answer", "text", "supported"), LABELLED)
def test_a_detail_is_supported_only_by_what_was_said(evidence: str, answer: str, text: str, supported: bool) -> None:
    verdicts = {specific.text: specific.supported for specific in find(answer, Evidence([evidence]))}

    assert verdicts.get(text) == supported, verdicts


@pytest.mark.parametrize(("evidence", "answer", "made_up"), WAYS)
def test_only_what_was_neither_said_nor_follows_is_unsupported(evidence: str, answer: str, made_up: list[str]) -> None:
    assert [each.text for each in find(answer, Evidence([evidence])) if not each.supported] == made_up


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
        "Warning: do it in two steps, or three.",
        "Press Enter, then choose Comparison.",
        "It ships with Docker Compose, on port 443 with TLS 1.3.",
        "You may see a `ValueError` or a KeyError there.",
        "See option A. Jump to the end if it is B.",
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


def test_the_finer_a_result_is_written_the_more_numbers_it_may_come_from() -> None:
    known = Evidence(["We sold 412, 487, 350, 275, 198, 623, 541 and 76 of them at 12.35 EUR each."])
    answer = "That was 6,014.45 EUR for the second; 40% were sold in May."

    assert [(each.text, each.supported) for each in find(answer, known)] == [("6,014.45 EUR", True), ("40%", False)]


def test_a_result_of_the_answer_is_calculated_with_in_turn() -> None:
    known = Evidence(["Rent 900 EUR, power 85 EUR, internet 30 EUR, and we are 4."])

    assert all(each.supported for each in find("In all 1,015 EUR, 253.75 EUR each, 12,180 EUR a year.", known))
    assert not any(each.supported for each in find("In all 1,037 EUR, 259.25 EUR each.", known))


def test_prose_between_two_names_in_backticks_is_read() -> None:
    found = find("In `load_fx` and on 5 May 77 rows of `load_fx` failed.", Evidence(["load_fx fails"]))

    assert [each.text for each in found if not each.supported] == ["5 May", "77"]


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
