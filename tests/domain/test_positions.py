"""Positions in the record, as clients hand them back."""

import pytest

from service.domain.errors import EpochEnded, Invalid
from service.domain.positions import HIGHEST, read_position, write_position

LOC = ("query", "after")


@pytest.mark.parametrize("epoch", ["", "0123abcd"])
@pytest.mark.parametrize("seq", [0, 7, HIGHEST])
def test_position_is_read_as_it_was_written(epoch: str, seq: int) -> None:
    assert read_position(str(write_position(epoch, seq)), epoch=epoch, loc=LOC) == seq


@pytest.mark.parametrize("text", ["", "x", "-7", "abc-7", "0123abcd-", "7" * 20, str(HIGHEST + 1)])
def test_text_that_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_position(text, epoch="", loc=LOC)


@pytest.mark.parametrize(("text", "epoch"), [("0123abcd-7", ""), ("7", "0123abcd")])
def test_position_of_another_epoch_has_ended(text: str, epoch: str) -> None:
    with pytest.raises(EpochEnded):
        read_position(text, epoch=epoch, loc=LOC)
