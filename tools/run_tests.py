#!/usr/bin/env python3
"""Run ctest and pytest, then print one closing line that sums both: `N passed, N failed`.

Exits non-zero when a test failed, when a runner broke off, or when one of them ran no test.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent


def count(report):
    """Count (passed, failed, skipped) test cases of a JUnit file; zeros where there is none."""
    if not report.exists():
        return 0, 0, 0
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None or case.get("status") in ("disabled", "notrun"):
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def preset_environment(preset):
    """The variables that a test preset sets: what sanitizers are told, for pytest's servers too."""
    presets = json.loads((ROOT / "CMakePresets.json").read_text())["testPresets"]
    chosen = next((one for one in presets if one["name"] == preset), {})
    return {name: value.replace("${sourceDir}", str(ROOT))
            for name, value in chosen.get("environment", {}).items()}


def run(name, command, report, environment):
    """Run one runner; return its counts, with a failure added where it broke without naming one."""
    report.unlink(missing_ok=True)
    print(f"\n== {name}: {' '.join(str(part) for part in command)}", flush=True)
    status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL,
                            env={**os.environ, **environment}).returncode
    passed, failed, skipped = count(report)
    if passed + failed == 0:
        print(f"{name}: no test ran")
        failed = 1
    elif status != 0 and failed == 0:
        print(f"{name}: exited with {status}")
        failed = 1
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="release")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("pytest", nargs="*", help="arguments for pytest")
    arguments = parser.parse_args()
    build = ROOT / "build" / arguments.preset
    ctest_report = build / "ctest.xml"
    pytest_report = build / "pytest.xml"

    ctest = ["ctest", "--preset", arguments.preset, "-j", str(arguments.jobs), "--output-junit",
             str(ctest_report)]
    chosen = [part for part in arguments.pytest if (ROOT / part.split("::")[0]).exists()]
    pytest = [sys.executable, "-m", "pytest", "-c", "test/pytest.ini", "--larnax-build", str(build),
              f"--junitxml={pytest_report}", *arguments.pytest,
              *([] if chosen else ["test/readers", "test/app", "test/hostile", "test/promql"])]
    environment = preset_environment(arguments.preset)
    results = [run("ctest", ctest, ctest_report, environment),
               run("pytest", pytest, pytest_report, environment)]
    passed, failed, skipped = (sum(column) for column in zip(*results))
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
