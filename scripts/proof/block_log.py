"""What a block device was told, in order, and what a power cut can leave of it.

The log is the one that QEMU's blklogwrites writes (the format of Linux's dm-log-writes): a superblock, then entries of
{sector, sectors, flags, length} with their data behind them.

A power cut at entry c leaves every write up to the last flush before c, every FUA write, and of the rest any subset, each
write of several sectors perhaps in part: what the block layer promises, and nothing more.
"""

import mmap
import random
import struct
import subprocess

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD = 1, 2, 4
SECTOR = 512


class Entry:
    __slots__ = ("sector", "sectors", "flags", "at")

    def __init__(self, sector, sectors, flags, at):
        self.sector, self.sectors, self.flags, self.at = sector, sectors, flags, at


class BlockLog:
    def __init__(self, path):
        self.file = open(path, "rb")
        self.bytes = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, _, _, sector_size = struct.unpack_from("<QQQI", self.bytes, 0)
        if magic != MAGIC:
            raise ValueError(f"{path}: no log of blklogwrites")
        self.entries = []
        at = sector_size
        while at + 32 <= len(self.bytes):
            sector, sectors, flags, _ = struct.unpack_from("<QQQQ", self.bytes, at)
            if sector == 0 and sectors == 0 and flags == 0:
                break  # what was never written
            data_at = at + sector_size
            self.entries.append(Entry(sector, sectors, flags, data_at))
            at = data_at + (0 if flags & DISCARD else sectors * sector_size)
        if sector_size != SECTOR:
            raise ValueError(f"{path}: sectors of {sector_size} bytes")

    def data(self, entry):
        return self.bytes[entry.at:entry.at + entry.sectors * SECTOR]

    def apply(self, entry, image):
        """Carries out one entry on an image that is open for writing."""
        if entry.sectors == 0:
            return
        image.seek(entry.sector * SECTOR)
        image.write(bytes(entry.sectors * SECTOR) if entry.flags & DISCARD else self.data(entry))

    def apply_torn(self, entry, image, choice):
        """Some of its sectors."""
        data = self.data(entry)
        for number in range(entry.sectors):
            if choice.random() < 0.5:
                image.seek((entry.sector + number) * SECTOR)
                image.write(data[number * SECTOR:(number + 1) * SECTOR])

    def last_flush(self, cut):
        """One past the last flush before entry `cut`: what is below it is durable."""
        for number in range(cut - 1, -1, -1):
            if self.entries[number].flags & FLUSH:
                return number + 1
        return 0


class CrashStates:
    """Gives crash images of one recording, for cuts that rise: what is durable is carried out once, on `base`."""

    def __init__(self, log, base):
        self.log, self.base, self.done = log, base, 0

    def make(self, cut, seed, into):
        """Writes the state that a power cut before entry `cut` leaves, the subset chosen by `seed`, to the file `into`."""
        durable = self.log.last_flush(cut)
        assert durable >= self.done, "cuts must rise"
        with open(self.base, "r+b", buffering=0) as image:
            for entry in self.log.entries[self.done:durable]:
                self.log.apply(entry, image)
        self.done = durable
        subprocess.run(["cp", "--sparse=always", self.base, into], check=True)
        choice = random.Random(seed)
        # From "nothing else arrived" to "everything did": each state has a probability of its own.
        kept = choice.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        with open(into, "r+b", buffering=0) as image:
            for entry in self.log.entries[durable:cut]:
                if entry.flags & FUA:
                    self.log.apply(entry, image)
                elif choice.random() < kept:
                    if entry.sectors > 1 and not entry.flags & DISCARD and choice.random() < 0.25:
                        self.log.apply_torn(entry, image, choice)
                    else:
                        self.log.apply(entry, image)
