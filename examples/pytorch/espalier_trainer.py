"""What a trainer needs to speak with an Espalier worker: Python's standard
library alone. docs/exec-trainer.md describes the protocol."""

import hashlib
import json
import os
import shutil
import signal
import sys
import time


class Step:
    """The step that the worker asks for. A trainer reads what it needs of
    request, saves when it is due, and leaves when it is told to."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.request = json.load(file)
        self.params = self.request["params"]
        self.leaving = False
        self.saved = time.monotonic()
        self.told = 0.0
        self.count = 0
        signal.signal(signal.SIGTERM, self._leave)

    def _leave(self, *_):
        self.leaving = True

    def due(self):
        """Whether it is time for a checkpoint."""
        return self.leaving or time.monotonic() - self.saved >= self.request["checkpoint_every"]

    def progress(self, **numbers):
        """Tells how far the training is, a few times a second at most."""
        if time.monotonic() - self.told >= 0.25:
            self.told = time.monotonic()
            self._say("progress", **numbers)

    def checkpoint(self, write, **numbers):
        """Has write(folder) write the whole state, and hands it over. The folder
        is the worker's from then on, which removes it."""
        self.saved = time.monotonic()
        self._hand_over("checkpoint", write, numbers)

    def result(self, write=None, **metrics):
        """Hands the network over, if write is given, and what was measured."""
        if write is None:
            self._say("result", metrics=metrics)
        else:
            self._hand_over("result", write, {"metrics": metrics})

    def _hand_over(self, kind, write, numbers):
        self.count += 1
        name = f"{kind}-{self.count}"
        folder = os.path.join(self.request["output"], name)
        # Written aside and renamed, so that nobody ever takes half of it.
        unfinished = folder + ".unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        os.makedirs(unfinished)
        write(unfinished)
        files = {}
        for entry in sorted(os.listdir(unfinished)):
            with open(os.path.join(unfinished, entry), "rb") as file:
                files[entry] = hashlib.sha256(file.read()).hexdigest()
        os.rename(unfinished, folder)
        self._say(kind, dir=name, files=files, **numbers)

    def _say(self, kind, **members):
        # One write a line, so that lines of other processes do not get between.
        line = json.dumps({"espalier": kind, **members}, allow_nan=False)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
