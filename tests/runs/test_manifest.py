"""manifest.json: manifests of older formats are read as today's, and what does not read is named by its field."""

import json

import pytest
from fakes import SHIPPED_RUNS, edit_manifest, make_identity, make_question

from homog_core import files
from homog_core.errors import CorruptRun
from homog_core.records import Decoding, Provenance, RunManifest
from homog_core.runs.manifest import read_manifest, run_id_of, write_manifest

# As format 1 stored an imported run
OLD_IMPORT = {
    "format": 1,
    "identity": {
        "dataset": "x",
        "decoding": {
            "max_new_tokens": 1024,
            "n_samples": 2,
            "seed": 0,
            "stop": [],
            "temperature": 1.0,
            "top_k": 0,
            "top_p": 1.0,
        },
        "dtype": "unknown",
        "model": "theirs",
        "n_questions": 1,
        "prompt_style": "unknown",
        "prompts_sha256": "445ad57842866bec61271e68fac4cb6cff681d23e4ed4541d1967c73b9a8533b",
        "question_ids_sha256": "26c21e233020c21d65f992e187c69b156c7c25ed5907fc519c6399e4b5b92d5d",
        "revision": "imported:6fd6f9ff435ea8e1",
    },
    "provenance": {
        "created": "2026-11-26T01:31:36+00:00",
        "device": "elsewhere",
        "family": "",
        "git_commit": None,
        "n_parameters": None,
        "n_tokens": 0,
        "packages": {},
        "parent": None,
        "source": "x.jsonl",
        "stage": None,
        "status": "complete",
        "wall_seconds": 0.0,
    },
    "run_id": "theirs--x--c6aeef8f2f",
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def stored(folder, content):
    (folder / "manifest.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def content_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def place_of(content, field):
    """The object that holds a field, and the field's name in it."""
    *path, last = field.split(".")
    for name in path:
        content = content[name]
    return content, last


def a_manifest():
    identity = make_identity([make_question("q")], decoding=Decoding(stop=("\n",)))
    provenance = Provenance("2025-01-01", "complete", packages={"numpy": "2"}, n_parameters=7, wall_seconds=1.5)
    return RunManifest(run_id_of(identity), identity, provenance)


def test_what_is_written_reads_back(folder):
    write_manifest(folder, a_manifest())
    assert read_manifest(folder) == a_manifest()
    assert content_of(folder)["format"] == 3


@pytest.mark.parametrize("run_id", SHIPPED_RUNS)
def test_a_shipped_manifest_reads_and_has_the_id_of_its_folder(run_id, folder):
    shipped = files.SHIPPED / "runs" / run_id
    manifest, content = read_manifest(shipped), content_of(shipped)
    assert manifest.run_id == run_id_of(manifest.identity) == run_id
    assert (manifest.provenance.imported_from is None) == (manifest.provenance.study is None)
    assert manifest.provenance.without_sentences == (manifest.provenance.study is not None)
    write_manifest(folder, manifest)
    upgraded = content_of(folder)
    content.pop("checksum"), upgraded.pop("checksum")  # fields are added with time
    assert content["format"] == 3
    later = {"imported_from": None, "import_notes": [], "served": None, "batch_questions": None, "not_said": []}
    later |= {"study": None, "without_sentences": False}
    later |= {"leftovers": {"reasoning": [], "prefixes": [], "are_kept": False}}
    content["provenance"] = later | content["provenance"]
    assert upgraded == content


def test_an_old_import_is_upgraded(folder):
    manifest = read_manifest(stored(folder, OLD_IMPORT))
    assert manifest.provenance == Provenance(
        "2026-11-26T01:31:36+00:00", "complete", device="elsewhere", imported_from="x.jsonl"
    )
    assert manifest.run_id == run_id_of(manifest.identity) == OLD_IMPORT["run_id"]
    assert manifest.identity.revision == "imported:6fd6f9ff435ea8e1"  # it is hashed, so it stays
    write_manifest(folder, manifest)
    assert read_manifest(folder) == manifest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("identity", [1]),
        ("identity", None),
        ("identity.n_questions", [1]),
        ("identity.model", ["a"]),
        ("identity.decoding", 7),
        ("identity.decoding.temperature", [0.5]),
        ("identity.decoding.n_samples", [10]),
        ("identity.decoding.stop", 5),
        ("provenance", None),
        ("provenance.n_tokens", [3]),
        ("provenance.wall_seconds", "long"),
        ("provenance.packages", ["numpy"]),
        ("run_id", 5),
        ("files", ["scores.parquet"]),
    ],
)
def test_a_field_of_another_type_is_named(field, value, folder):
    write_manifest(folder, a_manifest())

    def change(content):
        place, last = place_of(content, field)
        place[last] = value

    edit_manifest(folder, change)
    with pytest.raises(CorruptRun, match=rf"manifest\.json of run .* is damaged \({field}"):
        read_manifest(folder)


@pytest.mark.parametrize("field", ["identity", "identity.decoding", "identity.dataset", "provenance.status", "run_id"])
def test_a_field_that_is_missing_is_named(field, folder):
    write_manifest(folder, a_manifest())

    def change(content):
        place, last = place_of(content, field)
        del place[last]

    edit_manifest(folder, change)
    with pytest.raises(CorruptRun, match=rf"is damaged \({field}: Field required\)"):
        read_manifest(folder)


def test_settings_that_cannot_be_are_refused(folder):
    write_manifest(folder, a_manifest())
    edit_manifest(folder, lambda content: content["identity"]["decoding"].update(temperature=0))
    with pytest.raises(CorruptRun, match=r"is damaged \(The temperature is 0"):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is damaged"),
        ('{"format": 2,', "is damaged"),
        ("[]", r"is damaged \(the whole: "),
        ("[" * 100_000, "is damaged"),
        ('{"format": 2, "run_id": "\\ud800"}', "is damaged"),
        ("{}", "has format None; this version reads 1 to 3"),
        ('{"format": [1]}', r"has format \[1\]; this version"),
        ('{"format": 4}', "has format 4; this version"),
    ],
)
def test_what_is_no_manifest_is_refused(text, problem, folder):
    with pytest.raises(CorruptRun, match=problem):
        read_manifest(stored(folder, text))


def test_a_manifest_that_is_not_text_or_not_there_is_refused(folder):
    with pytest.raises(CorruptRun, match=r"could not be read \(No such file or directory\); restore"):
        read_manifest(folder)
    (folder / "manifest.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(CorruptRun, match="is damaged"):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda content: content["provenance"].update(wall_seconds=float("nan")), "It took nan s"),
        (lambda content: content["provenance"].update(n_tokens=-1), "and -1 tokens, which cannot be"),
        (lambda content: content["files"].update({"a.parquet": {"sha256": "\0", "n_bytes": 1}}), "hash or a size"),
    ],
)
def test_numbers_that_cannot_be_are_refused(change, problem, folder):
    write_manifest(folder, a_manifest())
    edit_manifest(folder, change)
    with pytest.raises(CorruptRun, match=rf"is damaged \(.*{problem}.*restore its folder from a copy"):
        read_manifest(folder)
