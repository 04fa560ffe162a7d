"""Reads the logs that an extension stored, as whoever analyses them does: `read_logs.py FOLDER`.

DuckDB makes one table of all objects below the folder, with the partitions that are in their paths as columns, and each
row is written as a line of JSON. Rows come as they were written: by object, and within it by line.
"""

import json
import sys

import duckdb

COLUMNS = {
    "time": "TIMESTAMPTZ",
    "type": "VARCHAR",
    "request_id": "VARCHAR",
    "level": "VARCHAR",
    "message": "VARCHAR",
    "record": "JSON",
    "trace_id": "VARCHAR",
    "version": "VARCHAR",
    "sandbox": "VARCHAR",
}
PARTITIONS = {
    "account": "VARCHAR",
    "region": "VARCHAR",
    "function": "VARCHAR",
    "date": "DATE",
    "hour": "INTEGER",
}


def main() -> None:
    connection = duckdb.connect()
    logs = connection.read_json(
        f"{sys.argv[1]}/**/*.json.gz",
        columns=COLUMNS,
        format="newline_delimited",
        hive_partitioning=True,
        hive_types=PARTITIONS,
        filename=True,
    )
    # `row_number` without an order counts rows as they are read.
    rows = connection.sql("SELECT *, row_number() OVER () AS row FROM logs ORDER BY row")
    names = rows.columns
    for row in rows.fetchall():
        print(json.dumps(dict(zip(names, row)), default=str))


main()
