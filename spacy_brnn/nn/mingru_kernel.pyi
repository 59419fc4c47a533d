"""The recurrence of a minGRU along the tokens of many sequences, compiled (mingru_kernel.c).

Arrays are given by their addresses, `Tensor.data_ptr()`, strides in elements; they are contiguous
where none is named. Nothing is checked.
"""

def scan(
    width: int,
    products: int,
    stride: int,
    rows: int,
    bias: int,
    sequences: int,
    count: int,
    start: int,
    end: int,
    backward: int,
    state: int,
    states: int,
    states_stride: int,
    highest: int,
    total: int,
    pooled_stride: int,
    /,
) -> None:
    """Read the tokens from start to end, the last first if backward; other threads may run.

    width: features of the state.
    products: rows of 2 * width float32, stride apart: what multiplies each token's vector for the
        gate that keeps, then for the candidate, without the bias. The first row is that of
        start; with rows, (count,) int32, those name each token's.
    bias: (2 * width,) float32.
    sequences: (count,) int32, never falling: the place of each token's sequence.
    state: (width,) float32, that before start, or after end; left as it is for the next call.
    states: (count, width) float32, where each token's is put; 0 to keep none.
    highest, total: for each sequence, the maximum of its states and their sum; 0 for neither.
    """

def scan_gradient(
    width: int,
    products: int,
    stride: int,
    bias: int,
    sequences: int,
    count: int,
    backward: int,
    states: int,
    states_stride: int,
    gradients: int,
    gradients_stride: int,
    d_products: int,
    space: int,
    /,
) -> None:
    """From gradients by the states that `scan` kept to those by products; their sum is bias'.

    gradients: (count, width) float32.
    d_products: rows as those of products, the same stride apart.
    space: (2 * width,) float32 zeros.
    """
