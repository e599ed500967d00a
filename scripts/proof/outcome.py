"""What the rigs have in common at their end: what they found, the totals over all runs, the exit status."""

import shutil

SKIPPED = 77


def add_to_totals(path, name, runs, broken):
    """A line `NAME RUNS BROKEN` for scripts/proof.sh; nothing where no file is named."""
    if path:
        with open(path, "a") as totals:
            totals.write(f"{name} {runs} {broken}\n")


class Outcome:
    """Of the runs of one rig, each in a directory of its own that is kept if something was wrong."""

    def __init__(self, name):
        self.name, self.runs, self.broken = name, 0, 0

    def add(self, work, wrong, what=""):
        self.runs += 1
        if wrong:
            self.broken += 1
            print(f"BROKEN{what and ': '}{what}; kept in {work}:\n{wrong}", flush=True)
        else:
            shutil.rmtree(work)

    def end(self, totals):
        """Returns the exit status."""
        print(f"{self.name}: {self.runs} runs, {self.broken} broken")
        add_to_totals(totals, self.name, self.runs, self.broken)
        return 1 if self.broken else 0
