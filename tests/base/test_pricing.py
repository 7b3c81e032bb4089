import pytest

from pipeline.base.pricing import LEAST, MEBIBYTE, TEBIBYTE, billed_bytes, cost_of


@pytest.mark.parametrize(
    ("processed", "tables", "billed"),
    [
        (0, 3, 0),  # what reads nothing, such as DDL, is free
        (1, 0, LEAST),
        (1, 1, LEAST),
        (1, 3, 3 * LEAST),
        (LEAST + 1, 1, LEAST + MEBIBYTE),
        (163_595_928, 13, 164_626_432),  # as BigQuery billed it
    ],
)
def test_billing_rounds_to_mebibytes_and_ten_for_each_table(processed, tables, billed):
    assert billed_bytes(processed, tables) == billed


@pytest.mark.parametrize(
    ("billed", "price", "cost"), [(TEBIBYTE, 6.25, 6.25), (0, 6.25, 0.0), (None, 6.25, None), (TEBIBYTE, None, None)]
)
def test_what_is_not_known_has_no_cost(billed, price, cost):
    assert cost_of(billed, price) == cost
