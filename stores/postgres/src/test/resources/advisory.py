"""A process of another language: it is sent a name, and then functions of advisory locks, which it calls with the name's key.

    python3 advisory.py CONNECTION
"""

import hashlib
import sys

import psycopg2

connection = psycopg2.connect(sys.argv[1])
connection.autocommit = True
cursor = connection.cursor()
name = sys.stdin.readline().strip()
key = int.from_bytes(hashlib.sha1(name.encode()).digest()[:8], "big", signed=True)
for line in sys.stdin:
    cursor.execute(f"SELECT {line.strip()}(%s)", (key,))
    print(cursor.fetchone()[0], flush=True)
