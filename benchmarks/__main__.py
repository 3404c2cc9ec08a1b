"""``make bench``: every benchmark, each against its floor in the same run. Ratios count; times are this machine's."""

import os
import platform
import tempfile

os.environ["PORTAL_VAR_DIR"] = tempfile.mkdtemp(prefix="voice-portal-bench-")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from benchmarks import answering, intake, projection, pull  # noqa: E402


def main() -> None:
    print(
        f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"
    )
    for benchmark in (answering, intake, projection, pull):
        print(f"\n{(benchmark.__doc__ or '').splitlines()[0]}")
        for line in benchmark.run():
            print(f"  {line}")


main()
