"""A user's YAML file that is none is told in one line, wherever it is read."""

import pytest

from benchlib import yaml_file
from benchlib.errors import UserError


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"- a: 1\n  a: 2\n", ":2: found duplicate key"),
        (b"a: [1\n", ":2: expected"),
        (b"- bell\x07\n", " is not a YAML text"),
        (b"\xff\xfe\x00", " is not a YAML text"),
    ],
)
def test_what_is_no_yaml_is_one_line(tmp_path, content, words):
    path = tmp_path / "user.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        yaml_file.read(path)
    assert str(raised.value).startswith(f"{path}{words}") and "\n" not in str(raised.value)


def test_a_folder_is_none_and_a_file_that_is_not_there_is_left_to_the_caller(tmp_path):
    with pytest.raises(UserError, match="is not a YAML text"):
        yaml_file.read(tmp_path)
    with pytest.raises(FileNotFoundError):
        yaml_file.read(tmp_path / "none.yaml")
