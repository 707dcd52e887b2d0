# ruff: noqa: E501  a table of a database is a line
"""What the generated databases are about: for training and, with no theme in common, for the test.

A theme is a few tables, parents before their children. A column is `name=kind`: a list of words, a range of integers or
decimals, or one of the kinds of `databases.py` (person, city, country, title, date). The first column is what a question
calls a row by; `>table` refers to a row of it.
"""

TRAIN = {
    "shop": """
        customer: name=person, city=city, age=18..80, tier=gold|silver|bronze
        product: title=title, category=toys|books|garden|sports, price=2.0..300.0, stock=0..500
        purchase: order_code=code, >customer, >product, quantity=1..90, bought_on=date, channel=web|store|phone""",
    "hospital": """
        doctor: name=person, specialty=cardiology|neurology|surgery|pediatrics, experience=1..40, salary=60000..250000
        patient: name=person, city=city, age=1..95, blood_type=A|B|AB|O
        visit: visit_code=code, >doctor, >patient, visit_date=date, fee=20.0..900.0, outcome=healed|referred|open""",
    "airline": """
        airline: name=title, country=country, founded_year=1920..2015, fleet_size=5..600
        aircraft: model=code, >airline, seats=40..420, range_km=800..15000, status=active|stored|leased
        flight: flight_number=code, >aircraft, origin=city, destination=city, distance=150..9800, departure_date=date""",
    "school": """
        teacher: name=person, subject=math|history|biology|music, salary=30000..90000, hired_on=date
        course: title=title, >teacher, credits=1..30, level=beginner|intermediate|advanced
        enrolment: student_name=person, >course, grade=35..100, semester=spring|summer|autumn""",
    "music": """
        artist: name=person, country=country, birth_year=1940..2004, genre=rock|jazz|pop|folk
        album: title=title, >artist, release_year=1965..2024, sales=1000..900000, label=Northern|Harbor|Blue Door
        song: title=title, >album, duration=90..620, plays=100..4000000, language=English|Spanish|French""",
    "football": """
        club: name=title, city=city, founded_year=1870..1990, stadium_capacity=3000..90000
        player: name=person, >club, position=goalkeeper|defender|midfielder|striker, age=17..39, market_value=0.2..120.0
        goal: goal_code=code, >player, minute=1..95, scored_on=date, kind=header|penalty|open play""",
    "library": """
        author: name=person, country=country, birth_year=1800..1998
        book: title=title, >author, pages=60..1200, published_year=1850..2024, genre=novel|poetry|essay|travel
        loan: borrower=person, >book, loan_date=date, days=1..60, returned=yes|no""",
    "bank": """
        branch: name=title, city=city, employees=4..140, opened_year=1950..2022
        account: owner=person, >branch, kind=checking|savings|business, balance=10.0..90000.0, opened_on=date
        payment: payment_code=code, >account, amount=1.0..5000.0, paid_on=date, method=card|transfer|cash""",
    "film": """
        director: name=person, country=country, birth_year=1930..1995
        movie: title=title, >director, release_year=1960..2024, budget=1.0..250.0, genre=drama|comedy|thriller|western
        review: reviewer=person, >movie, score=1..100, review_date=date, outlet=paper|blog|radio""",
    "farm": """
        farm: name=title, region=north|south|east|west, hectares=5..900, founded_year=1900..2018
        field: field_code=code, >farm, crop=wheat|maize|barley|oats, area=0.5..60.0, soil=clay|sand|loam
        harvest: harvest_code=code, >field, tons=1.0..400.0, harvest_date=date, quality=high|medium|low""",
    "zoo": """
        keeper: name=person, salary=22000..60000, experience=1..35, shift=day|night
        animal: name=person, >keeper, species=lion|zebra|otter|eagle, weight=1.0..900.0, birth_year=1995..2024
        feeding: feeding_code=code, >animal, food=meat|fish|hay|fruit, kilograms=0.1..50.0, fed_on=date""",
    "railway": """
        station: name=title, city=city, platforms=1..24, opened_year=1850..2010
        train: train_code=code, >station, kind=regional|express|freight, top_speed=60..320, cars=2..40
        trip: trip_code=code, >train, passengers=10..900, trip_date=date, delay=0..120""",
    "company": """
        department: name=title, city=city, budget=50000..4000000, floor=1..30
        employee: name=person, >department, job=engineer|analyst|manager|clerk, salary=28000..180000, hired_on=date
        project: title=title, >employee, hours=10..4000, status=planned|running|done, cost=1000.0..90000.0""",
    "restaurant": """
        restaurant: name=title, city=city, cuisine=italian|thai|french|mexican, seats=12..300, rating=1.0..5.0
        dish: title=title, >restaurant, price=3.0..60.0, calories=90..1400, course=starter|main|dessert
        sale: sale_code=code, >dish, portions=1..60, sold_on=date, meal=lunch|dinner""",
    "insurance": """
        agent: name=person, region=north|south|east|west, commission=1.0..12.0, hired_on=date
        policy: policy_number=code, >agent, kind=car|home|travel, premium=90.0..4000.0, start_date=date
        claim: claim_code=code, >policy, amount=50.0..60000.0, claim_date=date, status=paid|open|rejected""",
    "museum": """
        museum: name=title, city=city, visitors=2000..900000, opened_year=1820..2015
        artwork: title=title, >museum, style=baroque|modern|gothic|realist, year_made=1400..2020, value=0.1..90.0
        loan_out: borrower=title, >artwork, days=10..700, start_date=date, insured=yes|no""",
    "software": """
        team: name=title, office=city, members=2..40, founded_year=2000..2024
        repository: name=title, >team, language=Python|Rust|Go|Java, stars=0..90000, open_issues=0..800
        release: version=code, >repository, downloads=10..500000, released_on=date, channel=stable|beta|nightly""",
    "race": """
        driver: name=person, country=country, age=18..45, wins=0..90
        car: car_code=code, >driver, engine=hybrid|petrol|electric, horsepower=300..1100, weight=600..1500
        lap: lap_code=code, >car, seconds=60.0..140.0, lap_date=date, weather=dry|wet""",
}

TEST = {
    "hotel": """
        hotel: name=title, city=city, stars=1..50, rooms=10..700, opened_year=1900..2022
        suite: suite_code=code, >hotel, view=sea|garden|street, nightly_rate=40.0..900.0, beds=1..12
        booking: guest=person, >suite, nights=1..30, check_in=date, source=agency|direct|website""",
    "university": """
        faculty: name=title, campus=city, founded_year=1600..2010, funding=100000..9000000
        professor: name=person, >faculty, rank=assistant|associate|full, salary=50000..190000, age=28..70
        paper: title=title, >professor, citations=0..4000, published_on=date, venue=journal|conference|workshop""",
    "shipping": """
        port: name=city, country=country, depth=5.0..25.0, berths=2..80
        vessel: name=title, >port, kind=tanker|container|ferry, tonnage=500..200000, built_year=1970..2023
        voyage: voyage_code=code, >vessel, miles=50..12000, departure_date=date, cargo=grain|oil|cars""",
    "theatre": """
        theatre: name=title, city=city, capacity=80..3000, opened_year=1780..2015
        production: title=title, >theatre, genre=opera|ballet|drama|musical, cost=5.0..900.0, premiere_date=date
        performance: performance_code=code, >production, attendance=20..2900, played_on=date, slot=matinee|evening""",
    "energy": """
        plant: name=title, region=north|south|east|west, capacity=10..2000, built_year=1960..2023
        turbine: turbine_code=code, >plant, maker=Arcon|Velox|Norda, height=40.0..180.0, output=0.5..15.0
        inspection: inspector=person, >turbine, inspected_on=date, faults=0..40, result=passed|failed|pending""",
    "newspaper": """
        editor: name=person, desk=politics|culture|science|sport, experience=1..40, salary=30000..110000
        article: headline=title, >editor, words=150..6000, published_on=date, section=front|inside|weekend
        comment: commenter=person, >article, likes=0..900, posted_on=date, tone=friendly|neutral|angry""",
    "gym": """
        trainer: name=person, discipline=yoga|boxing|rowing|pilates, hourly_rate=20.0..150.0, experience=1..30
        member: name=person, >trainer, plan=basic|plus|premium, age=16..78, joined_on=date
        workout: workout_code=code, >member, minutes=10..180, calories=50..1500, done_on=date""",
    "court": """
        judge: name=person, city=city, appointed_year=1980..2022, age=38..80
        trial: case_number=code, >judge, category=civil|criminal|tax, opened_on=date, hearings=1..60
        fine: payer=person, >trial, amount=50.0..90000.0, due_on=date, state=paid|overdue|waived""",
}

# Tables that no question asks about, so that a schema is long and the needed table may stand anywhere in it.
PADDING = """
    audit_log: action=created|changed|deleted, actor=person, entry_date=date, source_host=code, detail=title, severity=1..90
    holiday: title=title, country=country, day=date, paid=yes|no
    exchange_rate: currency=USD|EUR|GBP, quoted_on=date, rate=0.1..9.0, provider=title
    app_setting: setting_key=code, setting_value=title, updated_on=date, updated_by=person
    office_address: street=title, house_number=1..400, city=city, postal_code=code, country=country, phone=code
    supplier: name=title, city=city, contact_person=person, contract_start=date, contract_end=date, volume=10..9000
    newsletter: subject=title, sent_on=date, recipients=10..9000, opened=0..8000, template_name=code
    vehicle: plate=code, maker=title, purchase_price=4000..90000, purchase_date=date, mileage=0..300000, fuel=diesel|petrol
    meeting_room: label=title, floor=1..30, chairs=2..40, projector=yes|no, last_cleaned=date
    invoice_archive: invoice_code=code, debtor=person, gross=5.0..9000.0, net=4.0..8000.0, tax=1.0..900.0, issued=date
    weather_report: place=city, measured_on=date, temperature=-20.0..40.0, rainfall=0.0..90.0, wind=0..140
    access_badge: badge_code=code, holder=person, valid_from=date, valid_until=date, zone=A|B|C
    translation: locale=en|de|fr|es, phrase=title, translated=title, reviewed=yes|no
    backup_job: job_code=code, started=date, finished=date, gigabytes=1.0..900.0, state=ok|failed
"""
