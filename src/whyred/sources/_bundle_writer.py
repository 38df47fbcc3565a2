"""Writes the file of a bundle (`_archive`)."""

import json
import os
import stat
import zipfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import zstandard

from whyred.model.attempt_json import attempt_to_json, step_to_json
from whyred.model.novelty import Familiar
from whyred.model.run import Attempt, Step
from whyred.model.run_failures import RunFailures
from whyred.model.run_failures_json import run_failures_to_json
from whyred.model.source import Boundaries
from whyred.model.trouble import UserError
from whyred.sources._archive import FORMAT

_EPOCH = (1980, 1, 1, 0, 0, 0)


class BundleWriter:
    """Writes a bundle: the masked log as it streams by, then what the investigation learned. Nothing appears under the
    final name before all of it is written; an error leaves no half a bundle behind. Where a link leads to a bundle,
    that one is written.
    """

    def __init__(self, path: Path, version: str) -> None:
        self._path, self._version = path, version
        self._refuse_loss()
        self._place = Path(os.path.realpath(path))
        self._fresh = self._place.with_name(f".{self._place.name}.{os.getpid()}.part")
        try:
            self._file = self._fresh.open("xb")
        except OSError as e:
            raise self._unwritable(e) from e
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        try:
            self._member = self._zip.open(_info("log.zst"), "w", force_zip64=True)
        except OSError as e:
            self._discard()
            raise self._unwritable(e) from e
        self._frames = zstandard.ZstdCompressor(level=3).compressobj()
        self._size = 0
        self._steps: list[dict[str, Any]] = []

    def _refuse_loss(self) -> None:
        """A bundle takes its name from nothing but an older bundle: not from a log, and never from a device."""
        try:
            state = self._path.stat()
        except OSError:
            return  # it does not exist; or it cannot be reached, and writing tells why
        if not stat.S_ISREG(state.st_mode):
            raise UserError(f"{self._path} is no plain file", "a bundle would take its place", "Name a new file")
        if state.st_size and not _has_manifest(self._path):
            raise UserError(
                f"{self._path} exists and is no bundle", "it would be lost", "Name a new file, or remove that one first"
            )

    def __enter__(self) -> "BundleWriter":
        return self

    def log(self, masked: bytes, step: Step | None = None) -> None:
        """The next masked bytes of the log, and the step that begins with them, where one is told."""
        if step is not None:
            self._steps.append({"byte": self._size, "step": step_to_json(step)})
        self._size += len(masked)
        try:
            self._member.write(self._frames.compress(masked))
        except OSError as e:
            raise self._unwritable(e) from e

    def finish(
        self,
        attempt: Attempt,
        answers: bytes,
        boundaries: Boundaries = Boundaries.GUESSED,
        route: str | None = None,
        run: RunFailures | None = None,
        familiar: Familiar | None = None,
    ) -> None:
        """The rest; then the bundle gets its name. `route`: the one that the log came by; `run`: what else failed;
        `familiar`: which errors green attempts have as well.
        """
        try:
            self._member.write(self._frames.flush())
            self._member.close()
            if self._steps:
                told = {"boundaries": boundaries.value, "steps": self._steps}
                self._write("steps.json", json.dumps(told, ensure_ascii=False).encode())
            if run is not None:
                self._write("run.json", json.dumps(run_failures_to_json(run), ensure_ascii=False).encode())
            self._write("answers.json", answers)
            self._write("attempt.json", json.dumps(attempt_to_json(attempt), ensure_ascii=False).encode())
            manifest: dict[str, Any] = {
                "format": FORMAT,
                "whyred": self._version,
                **({"route": route} if route else {}),
            }
            if familiar is not None:
                manifest["familiar"] = {"greens": list(familiar.greens), "lines": sorted(familiar.lines)}
            self._write("manifest.json", json.dumps(manifest).encode())
            self._zip.close()
            self._file.close()
            self._fresh.replace(self._place)
        except OSError as e:
            raise self._unwritable(e) from e

    def _write(self, name: str, data: bytes) -> None:
        self._zip.writestr(_info(name), data)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()

    def _discard(self) -> None:
        """Leaves nothing behind: neither the file nor an archive that would write its end when it is collected."""
        self._zip.fp = None
        with suppress(OSError):  # a full disk refuses the last buffer as well
            self._file.close()
        self._fresh.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(
            f"cannot write the bundle {self._path}",
            error.strerror or str(error),
            "Name a folder with space that you may write to: --save FOLDER/NAME.whyred",
        )


def _has_manifest(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "manifest.json" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _info(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, _EPOCH)
