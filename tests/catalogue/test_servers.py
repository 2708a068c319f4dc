"""Servers in models.toml: what an entry may hold, and how a server and its models are named."""

import pytest

from homog_core.catalogue.servers import SERVERS, Server, find_server, served_name, served_source
from homog_core.cli import main
from homog_core.errors import InvalidInput, NotFound
from homog_core.records import ModelSpec
from homog_core.sampling.remote import served_model
from homog_core.sampling.weights import local_weights

ENTRY = '[[servers]]\nkey = "mine"\nurl = "http://localhost:8000/v1"\n'


@pytest.mark.parametrize(
    "url",
    [
        "http://me:sk-secret@localhost:8000/v1",
        "https://host/v1?api-key=sk-secret",
        "localhost:8000",
        "ftp://host",
        "http://",
        "http://host:port/v1",
    ],
)
def test_an_address_with_a_key_or_without_a_host_is_refused_and_not_repeated(url, own_cache, capsys):
    with pytest.raises(InvalidInput) as caught:
        Server("mine", url)
    assert "secret" not in str(caught.value)
    assert main(["sample", "--server", url, "--model", "x", "--dataset", "starter"]) == 2
    (own_cache / "models.toml").write_text(f'[[servers]]\nkey = "mine"\nurl = "{url}"\n')
    assert main(["models", "--server", "mine"]) == 2
    assert "api-key=" not in (said := capsys.readouterr().err)
    assert "me:sk" not in said


def test_a_server_is_found_by_its_key_and_by_its_address(own_cache):
    (own_cache / "models.toml").write_text(ENTRY)
    assert find_server("mine") == find_server("http://localhost:8000/v1/") == SERVERS["mine"]
    other = find_server("http://localhost:9000/v1")
    assert (other.key, other.host) == ("localhost:9000", "localhost:9000")
    with pytest.raises(NotFound, match="There are: mine"):
        find_server("yours")
    with pytest.raises(InvalidInput, match="`requests` of the server at localhost:8000 is 0"):
        Server("mine", "http://localhost:8000/v1", requests=0)


def test_what_a_server_calls_a_model_stays_whole_in_the_source_and_is_a_name_in_the_key(own_cache):
    entry = '[[models]]\nkey = "known"\nsource = "served:mine/Org/Base"\nstage = "base"\n'
    (own_cache / "models.toml").write_text(ENTRY + entry)
    server = SERVERS["mine"]
    spec = served_model(server, "/models/Some Model.gguf")
    assert (spec.key, spec.prompt_style) == ("mine--some-model.gguf", "chat")
    assert served_name(spec.source) == ("mine", "/models/Some Model.gguf")
    assert served_model(server, "Org/Base").key == "known"


def test_what_needs_weights_says_so(capsys):
    served = ModelSpec("toy", served_source(Server("mine", "http://h/v1"), "toy"))
    with pytest.raises(InvalidInput, match="toy is behind a server"):
        local_weights(served)
    sample = ["sample", "--server", "http://127.0.0.1:9/v1", "--model", "x", "--dataset", "starter"]
    assert main([*sample, "--dtype", "float32"]) == 2
    assert "--dtype is of weights on this machine" in capsys.readouterr().err
    assert main([*sample, "--limit", "1"]) == 1
    assert "does not answer" in capsys.readouterr().err
