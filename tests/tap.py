# SPDX-License-Identifier: MIT
"""Runs the unittest cases of the calling file and prints TAP, so that the test run counts each case.

    if __name__ == '__main__':
        tap.main()

An argument picks the cases whose name contains it: test_methods.py half_close
"""

import signal
import sys
import unittest


class TapResult(unittest.TestResult):
    """One TAP line per case; whatever else a case has to say follows as comments."""

    def __init__(self):
        super().__init__()
        self.n_reported = 0

    def report(self, ok, case, directive="", details=""):
        self.n_reported += 1
        # A case is named by its method: 'test_a_cut_loses_nothing'. A failed setUpClass has no method.
        name = getattr(case, "_testMethodName", str(case)).removeprefix("test_").replace("_", " ")
        print(f'{"ok" if ok else "not ok"} {self.n_reported} - {name}{directive}')
        if not ok and hasattr(case, "failure_details"):
            details += case.failure_details()
        for line in details.splitlines():
            print("# " + line)
        sys.stdout.flush()

    def addSuccess(self, test):
        self.report(True, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.report(False, test, details=self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.report(False, test, details=self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.report(False, test, " " + subtest._subDescription(), self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.report(True, test, directive=f" # SKIP {reason}")


def cases_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases_of(item)
        else:
            yield item


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    if wanted:
        suite = unittest.TestSuite(case for case in cases_of(suite) if wanted in case.id())
    # A run that takes too long gets SIGTERM; as an interrupt it leaves what it started to atexit.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    result = TapResult()
    suite.run(result)
    # The plan comes last: a run that dies halfway has none and counts as broken.
    print(f"1..{result.n_reported}")
    sys.exit(0 if result.wasSuccessful() else 1)
