"""The products and the recurrence of a minGRU along tokens, compiled (mingru_kernel.c).

Arrays are given by their addresses, `Tensor.data_ptr()`, strides in elements; they are contiguous
where none is named. Nothing is checked. Other threads may run meanwhile. The arrays themselves come
last, to live as long as the call: `torch.compile` lets go of what is used no more.
"""

from torch import Tensor

# Columns of the weights that lie together: (columns / PANEL, features, PANEL) float32, the columns
# filled up with any to a multiple of it.
PANEL: int
# Vectors whose products `scan` holds at a time.
TILE: int
# Whether `scan` multiplies by weights rounded to 8 bits on this processor, and is quicker so. They
# are (columns / PANEL, PANEL_HEAD + features * PANEL) bytes, of which `round_weights` makes the
# contents, the vectors (count, VECTOR_HEAD + features), of `round_vectors`; the features are filled
# up to a multiple of BLOCK.
ROUNDS: int
IS_QUICKER_ROUNDED: int
BLOCK: int
PANEL_HEAD: int
VECTOR_HEAD: int

def multiply(
    vectors: int,
    stride: int,
    features: int,
    weights: int,
    columns: int,
    count: int,
    out: int,
    out_stride: int,
    arrays: tuple[Tensor | None, ...],
    /,
) -> None:
    """The products of vectors, each the same to the last bit whatever is multiplied beside it.

    vectors: (count, features) float32.
    weights: as PANEL says.
    columns: of the weights, a multiple of PANEL.
    out: (count, columns) float32, where they are put.
    """

def round_weights(
    weights: int, columns: int, features: int, out: int, arrays: tuple[Tensor | None, ...], /
) -> None:
    """Round weights as ROUNDS says, each column's by the greatest of it.

    weights: (columns, features) float32.
    out: bytes, all zeros, where they are put.
    """

def round_vectors(
    vectors: int,
    stride: int,
    features: int,
    count: int,
    out: int,
    arrays: tuple[Tensor | None, ...],
    /,
) -> None:
    """Round vectors as ROUNDS says, each by the greatest of itself.

    vectors: (count, features) float32.
    out: bytes, of any values, where they are put.
    """

def scan(
    width: int,
    bias: int,
    sequences: int,
    count: int,
    backward: int,
    vectors: int,
    stride: int,
    features: int,
    weights: int,
    columns: int,
    rounded: bool,
    rows: int,
    space: int,
    states: int,
    states_stride: int,
    highest: int,
    total: int,
    pooled_stride: int,
    arrays: tuple[Tensor | None, ...],
    /,
) -> None:
    """Read the tokens, the last first if backward.

    width: features of the state.
    bias: (2 * width,) float32, of the gate that keeps, then of the candidate.
    sequences: (count,) int32, never falling: the place of each token's sequence.
    vectors: (count, features) float32.
    rounded: whether weights and vectors are as ROUNDS says, the features filled up, the stride of
        the vectors in bytes.
    weights: those of the gate, then of the candidate, as PANEL says; 0 where the vectors are the
        products already, (count, 2 * width), or with rows, (count,) int32, which of them each
        token's are; no rows beside weights.
    space: (width + TILE * columns,) float32, of any values.
    states: (count, width) float32, where each token's is put; 0 to keep none.
    highest, total: for each sequence, the maximum of its states and their sum; 0 for neither.
    """

def scan_gradient(
    width: int,
    bias: int,
    sequences: int,
    count: int,
    backward: int,
    products: int,
    stride: int,
    states: int,
    states_stride: int,
    gradients: int,
    gradients_stride: int,
    d_products: int,
    space: int,
    arrays: tuple[Tensor | None, ...],
    /,
) -> None:
    """From gradients by the states that `scan` kept to those by products; their sum is bias'.

    gradients: (count, width) float32.
    d_products: rows as those of products, the same stride apart.
    space: (2 * width,) float32 zeros.
    """
