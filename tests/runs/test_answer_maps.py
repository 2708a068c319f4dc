"""Stored maps: written, read back, found again for the same answers, and refused where a file says something else."""

import json
from dataclasses import asdict, replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import ANSWERS, DECODING, QUESTIONS, FakeSampler

from homog_core import files
from homog_core.runs import answer_maps
from homog_core.runs.answer_maps import (
    Header,
    Source,
    StoredMap,
    find_map,
    kept_source,
    list_maps,
    sampled_answers,
    source_of,
    trust_of,
    write_map,
)
from homog_core.runs.sample import sample_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

A, B, C = Source("a", "1" * 64), Source("b", "2" * 64), Source("c", "3" * 64)
HEADER = Header((A, B), "test", "fake", 2, 0.9, "2026-01-01T00:00:00+00:00")
PLACES = pd.DataFrame(
    {"run": [0, 0, 1], "question_id": ["q", "r", "q"], "sample_index": [0, 3, 0], "x": [0.5, 1, 0.5], "y": [2.0, 3, 2]}
)


def a_map(places=PLACES, **changes):
    return StoredMap(replace(HEADER, **changes), places)


def raw(header, places=PLACES, path=None):
    """A file of this content, whatever it is, at the place of the usual map."""
    path = path or files.cache() / "maps" / f"{HEADER.id}.parquet"
    path.parent.mkdir(exist_ok=True)
    table = pa.Table.from_pandas(places, preserve_index=False)
    if set(places) == set(PLACES):
        table = pa.Table.from_pandas(places, schema=answer_maps._SCHEMA, preserve_index=False)
    metadata = {} if header is None else {b"homog_map": json.dumps(header).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


def test_what_is_written_reads_back():
    path = write_map(a_map())
    assert path == files.cache() / "maps" / f"{HEADER.id}.parquet"
    (found,), unread = list_maps()
    assert (found.header, unread) == (HEADER, [])
    assert found.places.to_dict("list") == PLACES.to_dict("list")  # all of them are exact in float32
    assert write_map(a_map(created="2026-01-02T00:00:00+00:00")) == path  # the same answers again
    assert len(list_maps()[0]) == 1


def test_a_map_without_trustworthiness():
    write_map(a_map(trustworthiness=None))
    (found,), _ = list_maps()
    assert str(trust_of(found.header)) == "nan"
    assert trust_of(HEADER) == 0.9


@pytest.mark.parametrize("changes", [{"sources": (A,)}, {"sources": (A, C)}, {"encoder": "other"}])
def test_other_answers_or_another_encoder_are_another_map(changes):
    assert replace(HEADER, **changes).id != HEADER.id


def test_the_map_with_the_fewest_runs_is_found_and_only_for_these_answers():
    four, two = a_map(sources=(A, B, C)), a_map()
    newer = a_map(sources=(A, C), created="2026-02-01T00:00:00+00:00")
    maps = [four, two, newer]
    assert find_map(maps, [B, A], "fake") is two
    assert find_map(maps, [A], "fake") is newer  # of two with as many runs
    assert find_map(maps, [B, C], "fake") is four
    assert find_map(maps, [B, C], "other") is None
    assert find_map(maps, [replace(A, answers_sha256="4" * 64)], "fake") is None
    assert find_map([], [A], "fake") is None


def test_the_hash_is_that_of_the_valid_sampled_answers(run):
    answers = sampled_answers(run)
    assert source_of(run, answers) == source_of(run, sampled_answers(run)) == kept_source(run)
    more = {**ANSWERS, "same": ("green frog", "red fox", "green frog", "green frog")}
    other = sample_run(FakeSampler(more), QUESTIONS, replace(DECODING, seed=1), "plain")
    assert source_of(other, sampled_answers(other)).answers_sha256 != source_of(run, answers).answers_sha256
    assert kept_source(other) == source_of(other, sampled_answers(other)) != kept_source(run)
    assert set(answers["sample_index"]) <= {0, 1, 2, 3}  # not the greedy one
    assert "" not in set(answers["text"])


@pytest.mark.parametrize(
    "header",
    [
        None,
        {},
        asdict(HEADER) | {"trustworthiness": 2},
        asdict(HEADER) | {"trustworthiness": "high"},
        asdict(HEADER) | {"created": "zzzz"},
        asdict(HEADER) | {"sources": []},
        asdict(HEADER) | {"sources": [asdict(B), asdict(A)]},
        asdict(HEADER) | {"sources": [asdict(A)] * 2},
        asdict(HEADER) | {"encoder": "somebody else's"},
    ],
)
def test_a_header_that_does_not_fit_is_left_out_and_named(header):
    path = raw(header)
    assert list_maps() == ([], [path])


@pytest.mark.parametrize(
    "places",
    [
        PLACES.assign(x=float("nan")),
        PLACES.assign(y=float("inf")),
        PLACES.assign(run=2),
        PLACES.assign(run=0, question_id="q", sample_index=0),
        PLACES.assign(question_id=None),
        PLACES.drop(columns="y"),
        PLACES.assign(z=1),
    ],
)
def test_places_that_do_not_fit_are_left_out_and_named(places):
    path = raw(asdict(HEADER), places)
    assert list_maps() == ([], [path])


def test_a_file_that_is_no_parquet_or_too_large_is_left_out_and_named(monkeypatch):
    path = write_map(a_map())
    path.write_bytes(b"PAR1 nonsense")
    assert list_maps() == ([], [path])
    path = write_map(a_map())
    monkeypatch.setattr(answer_maps, "MOST_PLACES", 2)
    path.touch()
    assert list_maps() == ([], [path])
    monkeypatch.setattr(answer_maps, "MOST_BYTES", 10)
    path.touch()
    assert list_maps() == ([], [path])


def test_the_users_map_goes_before_the_shipped_one():
    shipped = files.SHIPPED / "maps" / f"{HEADER.id}.parquet"
    shipped.parent.mkdir(parents=True)
    raw(asdict(HEADER), path=shipped)
    write_map(a_map(created="2026-03-01T00:00:00+00:00"))
    (found,), _ = list_maps()
    assert found.header.created == "2026-03-01T00:00:00+00:00"
