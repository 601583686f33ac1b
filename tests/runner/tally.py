"""The sum of a run: one entry per test case, whatever program ran it."""

PASS, FAIL, SKIP = "PASS", "FAIL", "SKIP"


class Tally:
    """Collects (word, name, why) in the order in which they come."""

    def __init__(self):
        self.entries = []

    def add(self, word, name, why=""):
        if word not in (PASS, FAIL, SKIP):
            raise ValueError(f"unknown word {word}")
        if word == SKIP and not why:
            word, why = FAIL, "skipped without a reason"
        self.entries.append((word, name, " ".join(why.split())))

    def count(self, word):
        return sum(entry[0] == word for entry in self.entries)

    def ok(self):
        return self.count(FAIL) == 0

    def lines(self):
        """What a reader needs at the end: every skip with its reason, every failure, and the sum as the last line."""
        for word in (SKIP, FAIL):
            for entry in self.entries:
                if entry[0] == word:
                    yield f"{word} {entry[1]}: {entry[2] or 'no reason given'}"
        yield f"{self.count(PASS)} passed, {self.count(FAIL)} failed, {self.count(SKIP)} skipped"
