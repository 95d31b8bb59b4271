"""Files as people have them."""

import gzip

import pytest

from skweight._cli import CommandError
from skweight._cli.reading import read_table

pandas = pytest.importorskip("pandas")


def read(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_found(tmp_path, separator):
    text = f"a{separator}b c{separator}d\n1{separator}x{separator}2\n3{separator}y{separator}4\n"
    frame = read(tmp_path, text).frame
    assert list(frame.columns) == ["a", "b c", "d"]
    assert frame.to_numpy().tolist() == [["1", "x", "2"], ["3", "y", "4"]]


def test_decimal_commas_do_not_hide_the_semicolon(tmp_path):
    frame = read(tmp_path, "a;b\n1,5;2,5\n3,25;4,0\n").frame
    assert frame["a"].tolist() == ["1,5", "3,25"]


def test_commas_inside_quotes_do_not_separate(tmp_path):
    frame = read(tmp_path, 'a;b\n"1,2,3";"x;y"\n"4,5,6";z\n').frame
    assert frame.to_numpy().tolist() == [["1,2,3", "x;y"], ["4,5,6", "z"]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_byte_order_marks_are_no_part_of_a_name(tmp_path, encoding):
    frame = read(tmp_path, "größe,b\n1,2\n".encode(encoding)).frame
    assert list(frame.columns) == ["größe", "b"]


def test_latin_letters_are_read_with_a_note(tmp_path):
    table = read(tmp_path, "größe,b\n1,2\n".encode("latin-1"))
    assert list(table.frame.columns) == ["größe", "b"]
    assert "latin-1" in table.notes[0]


def test_packed_files_are_unpacked(tmp_path):
    frame = read(tmp_path, gzip.compress(b"a,b\n1,2\n"), "table.csv.gz").frame
    assert frame.to_numpy().tolist() == [["1", "2"]]


def test_blank_lines_and_trailing_separators_are_dropped(tmp_path):
    frame = read(tmp_path, "\n a , b ,\n1,2,\n\n3,4,\n").frame
    assert list(frame.columns) == ["a", "b"]
    assert frame.to_numpy().tolist() == [["1", "2"], ["3", "4"]]


def test_short_rows_end_in_missing_cells(tmp_path):
    frame = read(tmp_path, "a,b,c\n1,2\n3,4,5\n").frame
    assert frame["a"].tolist() == ["1", "3"]
    assert pandas.isna(frame["c"][0]) or frame["c"][0] == ""


def test_the_word_none_stays_a_word(tmp_path):
    assert read(tmp_path, "a,b\nNone,1\nNA,2\n").frame["a"].tolist() == ["None", "NA"]


def test_an_unnamed_first_column_gets_a_name(tmp_path):
    assert list(read(tmp_path, ",a\n0,5\n1,6\n").frame.columns) == ["unnamed_1", "a"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("a,b\n", "a header but no rows"),
        ("a,b,a\n1,2,3\n", "more than one column named 'a'"),
        ("a,b, a \n1,2,3\n", "more than one column named 'a'"),
        ("a,b\n1,2\n1,2,3\n", "line 3 of"),
        (b"PK\x03\x04rest", "is not text"),
        (b"a\0b,c\n1,2\n", "is not text"),
        (b"PAR1nonsense", "is not a readable parquet file"),
        (b"\x1f\x8bnonsense", "cannot read"),
        ('a,b\n"1,2\n', "cannot read"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, told):
    with pytest.raises(CommandError, match=told):
        read(tmp_path, content)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(CommandError, match="there is no file"):
        read_table(tmp_path / "gone.csv")
    with pytest.raises(CommandError, match="is a folder"):
        read_table(tmp_path)


def test_parquet_keeps_types(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [True, False]})
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.frame["a"].dtype == "float64"
    assert table.frame["c"].dtype == bool


def test_a_named_index_of_parquet_becomes_a_column(tmp_path):
    pytest.importorskip("pyarrow")
    index = pandas.Index(["u", "v"], name="key")
    pandas.DataFrame({"a": [1, 2]}, index=index).to_parquet(tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet").frame.columns) == ["key", "a"]


def test_an_unknown_column_gets_the_nearest_name(tmp_path):
    table = read(tmp_path, "severity,b\n1,2\n")
    with pytest.raises(CommandError, match=r"--target 'severty' .* did you mean 'severity'"):
        table.column("severty", "--target")
    with pytest.raises(CommandError, match="it has 'severity', 'b'"):
        table.column("zzz", "--target")
