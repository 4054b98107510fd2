"""A number that each of several processes tells the others."""

from dataclasses import dataclass
from multiprocessing.sharedctypes import RawArray
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctypes import Array, c_int


@dataclass(frozen=True, slots=True)
class SharedCount:
    """The number of the process in this place, and those of the others, in memory that is handed to a new process.

    No lock is needed: each process writes its own number alone.
    """

    _numbers: "Array[c_int]"
    _place: int

    def tell(self, number: int) -> None:
        """Say that this process's number is now this one."""
        self._numbers[self._place] = number

    def another_has_fewer(self) -> bool:
        """Whether any process's number is lower than this one's."""
        return any(number < self._numbers[self._place] for number in self._numbers)

    def total(self) -> int:
        """The sum of all processes' numbers."""
        return sum(self._numbers)


def shared_counts(processes: int) -> list[SharedCount]:
    """One for each of so many processes, all 0."""
    numbers: Array[c_int] = RawArray("i", processes)
    return [SharedCount(numbers, place) for place in range(processes)]
