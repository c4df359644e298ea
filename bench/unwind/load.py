"""Work for an interpreter: JSON, regular expressions, classes, comprehensions, sorting; for so many seconds."""
import json
import re
import sys
import time


class Tree:
    def __init__(self, depth):
        self.children = [Tree(depth - 1) for _ in range(3)] if depth else []

    def size(self):
        return 1 + sum(c.size() for c in self.children)


def texts(n):
    words = re.compile(r"(\w+)\s+(\d+)")
    text = " ".join(f"word{i} {i * 7919 % 1000}" for i in range(n))
    return sorted(((m.group(1), int(m.group(2))) for m in words.finditer(text)), key=lambda p: (p[1], p[0]))


def round_trip(rows):
    return len(json.loads(json.dumps([{"name": a, "value": b, "list": list(range(b % 20))} for a, b in rows])))


end = time.time() + float(sys.argv[1])
total = 0
while time.time() < end:
    total += round_trip(texts(400)) + Tree(6).size()
print(total)
