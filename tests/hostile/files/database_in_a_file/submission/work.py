import sqlite3


def remember(place, number, **options):
    with sqlite3.connect(place, **options) as database:
        database.execute("create table if not exists runs (number)")
        database.execute("insert into runs values (?)", (number,))
        return database.execute("select number from runs").fetchall()


def double(x):
    remember("runs.sqlite", float(x.sum()))
    return 2 * x


print("without locks:", remember("file:other.sqlite?nolock=1", 7, uri=True))
