"""The layout of the bucket: what is built is read back, and no other module spells a folder."""

import ast
import re
from datetime import date
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pipeline
from pipeline.runs import layout
from pipeline.runs.layout import Folder, JobLayout, Kind, ObjectPath, RunLayout, manifest_in, marker_in, new_file_in

ROOT, RUN_ID, UNIQUE = "gs://b/p/q", "job-2013-07-01-0123456789", "-0123456789ab"
RUN = RunLayout(ROOT, "job", date(2013, 7, 1), RUN_ID)
SET = f"{ROOT}/job/predictions/2013-07-01/{RUN_ID}/trees-12ab/m1"

NAMES = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True)
NUMBERS, UNIQUES = st.integers(0, 99999), st.from_regex(r"-[0-9a-f]{12}", fullmatch=True)
FIELDS = {
    "run_date": st.dates(),
    "generation": st.integers(0, 999999),
    "shard": NUMBERS,
    "shards": NUMBERS,
    "task": NUMBERS,
    "unique": UNIQUES,
    "upload": st.builds("{}{}".format, NAMES, UNIQUES),
    "file": st.lists(NAMES, min_size=1, max_size=3).map("/".join),
}


@st.composite
def paths(draw):
    kind = draw(st.sampled_from(Kind))
    names = [field for _, field, _, _ in Formatter().parse(kind) if field]
    return ObjectPath(kind, **{name: draw(FIELDS.get(name, NAMES)) for name in names})


@given(paths())
def test_every_path_that_is_built_is_parsed_back(path):
    assert layout.parse_uri(ROOT, f"{ROOT}/{path.text}") == path
    assert JobLayout(ROOT, path.job).parse(f"{ROOT}/{path.text}") == path


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (RUN.folder(Folder.STAGED), "attempts/staged/"),
        (RUN.folder(Folder.MODELS, date(2013, 7, 1)), "models/2013-07-01/"),
        (RUN.run_folder(Folder.REJECTS), f"rejects/2013-07-01/{RUN_ID}/"),
        (RUN.source("flights", "ab"), "sources/flights/ab.jsonl"),
        (RUN.staged(f"x{UNIQUE}"), f"attempts/staged/x{UNIQUE}.jsonl"),
        (RUN.claim(date(2013, 7, 2), 3), "attempts/2013-07-02/generations/000003.json"),
        (RUN.failure("execution", 7), "failures/execution/task-00007.json"),
        (RUN.examples, f"attempts/2013-07-01/{RUN_ID}/examples.json"),
        (RUN.void, f"attempts/2013-07-01/{RUN_ID}/void.json"),
        (RUN.model("trees@12ab"), f"models/2013-07-01/{RUN_ID}/trees-12ab.json"),
        (RUN.predictions("trees@12ab", "m1"), SET.removeprefix(f"{ROOT}/job/")),
        (manifest_in(SET), f"predictions/2013-07-01/{RUN_ID}/trees-12ab/m1/manifest.json"),
        (marker_in(SET, 0, 12), f"predictions/2013-07-01/{RUN_ID}/trees-12ab/m1/shard-00000-of-00012.json"),
        (
            RUN.rejects(f"{SET}/shard-00001-of-00002{UNIQUE}.jsonl"),
            f"rejects/2013-07-01/{RUN_ID}/trees-12ab/m1/shard-00001-of-00002{UNIQUE}.jsonl",
        ),
    ],
)
def test_addresses_are_what_targets_hold(uri, expected):
    assert uri == f"{ROOT}/job/{expected}"


def test_uploads_have_a_new_name_each_time():
    bundles = {RUN.new_bundle("trees@12ab") for _ in range(3)}
    files = {new_file_in(SET, 1, 2) for _ in range(3)}
    assert len(bundles) == len(files) == 3
    bundle, file = rf"{ROOT}/job/models/2013-07-01/{RUN_ID}/trees-12ab/bundle-[0-9a-f]{{12}}", f"{SET}/shard-00001-of-"
    assert all(re.fullmatch(bundle, uri) and layout.model_of(uri) == RUN.model("trees@12ab") for uri in bundles)
    assert all(re.fullmatch(rf"{file}00002-[0-9a-f]{{12}}\.jsonl", uri) for uri in files)


def test_markers_refer_to_uploads_by_their_unique_name():
    bundle, file = RUN.new_bundle("trees@12ab"), new_file_in(SET, 0, 1)
    assert RUN.uploaded(f"{bundle}/sql/a_v1.sql") == bundle
    assert RUN.uploaded(file) == file
    assert [RUN.uploaded(uri) for uri in (manifest_in(SET), marker_in(SET, 0, 1), RUN.rejects(file), RUN.void)] == [
        ""
    ] * 4


@pytest.mark.parametrize(
    "uri",
    [
        f"{ROOT}/other/attempts/2013-07-01/generations/000003.json",
        "gs://b/p/job/attempts/2013-07-01/generations/000003.json",
        f"{ROOT}/job/attempts/2013-02-30/generations/000003.json",
        f"{ROOT}/job/attempts/2013-07-01/generations/3.json",
        f"{ROOT}/job/notes.txt",
    ],
)
def test_addresses_of_another_form_are_not_parsed(uri):
    assert RUN.parse(uri) is None


def test_only_a_file_of_a_shard_has_rejects():
    with pytest.raises(ValueError, match="not the file of a shard"):
        RUN.rejects(manifest_in(SET))


ONLY_FOLDERS = r"attempts|failures|generations"
SPELLED = re.compile(
    rf"(^|/)({ONLY_FOLDERS}|models|predictions|rejects|sources|staged)/|/({ONLY_FOLDERS}|models|predictions|rejects|staged)$"
    rf"|^({ONLY_FOLDERS})$|manifest\.json|void\.json|examples\.json|^/?shard-|/shard-|/bundle-|\d\.json$"
)
BUILDS = {"uri", "folder", "run_folder"}
EXAMPLE = re.compile(r"gs://bucket/flight_delay/\S+")
"""An address in a help text."""


def spelled(tree):
    """Return the texts of a module that spell a folder or a file name of the bucket in a path."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    yield from (node.value for node in texts if id(node) not in docs and SPELLED.search(EXAMPLE.sub("", node.value)))
    for node in ast.walk(tree):
        parts = node.args if isinstance(node, ast.Call) else getattr(node, "elts", [])
        builds = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in BUILDS
        if builds or any(isinstance(part, ast.Name) and part.id == "FOLDER" for part in parts):
            yield from (part.value for part in parts if isinstance(part, ast.Constant) and part.value in set(Folder))


def test_no_other_module_spells_a_folder_of_the_bucket():
    root = Path(pipeline.__file__).parent
    modules = [path for path in root.rglob("*.py") if path != Path(layout.__file__)]
    found = {str(path.relative_to(root)): [*spelled(ast.parse(path.read_text("utf-8")))] for path in modules}
    assert {name: texts for name, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "source",
    ["store.uri(job, 'models')", "f'{folder}/manifest.json'", "RIGHTS = [(FOLDER, 'rejects')]", "KIND = 'attempts'"],
)
def test_the_check_finds_spelled_folders(source):
    assert [*spelled(ast.parse(source))]
