"""Write the code points that Python's repr escapes, as a Rust table. Run with Python 3.12:

    python nonprintable.py > ../src/repr/nonprintable.rs
"""

import sys
import unicodedata

assert sys.version_info[:2] == (3, 12), "the peer runs on Python 3.12"
ranges: list[tuple[int, int]] = []
for point in range(0x80, 0x110000):
    if not chr(point).isprintable():
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1] = (ranges[-1][0], point)
        else:
            ranges.append((point, point))

print("//! Code points above ASCII that `str.isprintable` of Python 3.12 denies, as inclusive ranges.")
print(f"//! Unicode {unicodedata.unidata_version}; made by `scripts/nonprintable.py`.")
print()
print("/// Sorted and disjoint.")
print("#[rustfmt::skip]")
print('#[expect(clippy::unreadable_literal, reason = "generated")]')
print(f"pub(super) const NON_PRINTABLE: [(u32, u32); {len(ranges)}] = [")
for i in range(0, len(ranges), 6):
    print("    " + " ".join(f"({a:#x}, {b:#x})," for a, b in ranges[i:i + 6]))
print("];")
