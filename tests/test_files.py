"""What the file system may do: full, read-only, forbidden, occupied by something else, left half written by a kill."""

import errno
import os

import pytest

from homog_core import files
from homog_core.errors import HomogError, InvalidInput


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EACCES, "change the permissions"),
        (errno.EROFS, "the disk is read-only; let HOMOG_CACHE name"),
        (errno.EIO, "give the same command again"),
    ],
)
def test_what_fails_is_said_with_its_own_remedy_and_the_old_file_stays(number, remedy, tmp_path, monkeypatch):
    def failing(descriptor):
        raise OSError(number, os.strerror(number))

    target = tmp_path / "a.csv"
    target.write_text("old")
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(HomogError, match=remedy) as caught, files.replacing(target, "a.csv") as stream:
        stream.write(b"new")
    assert os.strerror(number) in str(caught.value)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_file_where_a_folder_should_be_is_said(tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(HomogError, match="something else has this name"):
        files.make_folder(tmp_path / "cache" / "runs")


def test_the_home_of_nobody_is_said(monkeypatch):
    monkeypatch.setenv("HOMOG_CACHE", "~nosuchuser/runs")
    with pytest.raises(InvalidInput, match="~nosuchuser/runs names the home folder of a user"):
        files.cache()


def test_what_a_kill_has_left_of_a_file_is_taken_away_but_not_what_is_being_written(tmp_path):
    (tmp_path / "a.csv.0123abcd.partial").write_text("ha")
    (tmp_path / "b.csv.0123abcd.partial").write_text("of another file")
    with files.replacing(tmp_path / "a.csv", "a.csv") as stream:
        stream.write(b"one")
        with files.replacing(tmp_path / "a.csv", "a.csv") as other:
            other.write(b"other")
    assert (tmp_path / "a.csv").read_text() == "one"
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "b.csv.0123abcd.partial"]


def test_a_folder_is_flushed_after_a_file_has_taken_its_place(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.path.isdir(f"/proc/self/fd/{descriptor}")))
    with files.replacing(tmp_path / "a.csv", "a.csv") as stream:
        stream.write(b"one")
    assert flushed == [False, True]


@pytest.mark.parametrize("length", [1200, 5000, 10**6])
def test_a_message_has_an_end(length):
    message = str(HomogError("A row is wrong: " + "x" * (length - 30) + " Cut the row."))
    assert len(message) <= 1203
    assert message.startswith("A row is wrong: ")
    assert message.endswith("Cut the row.")
