"""Long short-term memory by convolutions: outputs, states and gradients, with masks, strides, and both ways. A case is as in keras/recurrent."""

from __future__ import annotations

from keras import layers

from keras_recurrent import case, spec

CLASSES = {1: layers.ConvLSTM1D, 2: layers.ConvLSTM2D, 3: layers.ConvLSTM3D}
MASK = [[1, 1, 0, 1], [0, 1, 1, 0]]


def of(name: str, rank: int, shape: tuple[int, ...], *args, states: tuple[int, ...] | None = None, mask=None, **options) -> dict:
    kind = f"convLstm{rank}d"
    return case(f"{kind}, {name}", spec(kind, *args, **options), CLASSES[rank](*args, **options), shape, 2 if states else 0, mask, state=states)


def cases() -> list[dict]:
    return [
        of("alone", 1, (2, 4, 5, 3), 2, 3),
        of("of sequences, same padding", 1, (2, 4, 5, 2), 2, 3, padding="same", return_sequences=True),
        of("strides, from a state", 1, (2, 3, 7, 2), 2, 3, strides=2, padding="same", return_sequences=True, return_state=True, states=(4, 2)),
        of("dilated", 1, (2, 3, 7, 2), 2, 3, dilation_rate=2),
        of("alone", 2, (2, 4, 4, 5, 2), 2, 3),
        of("of sequences, same padding, even kernel", 2, (2, 3, 4, 4, 2), 2, [2, 3], padding="same", return_sequences=True, return_state=True),
        of("backwards with a mask", 2, (2, 4, 4, 3, 2), 2, 2, return_sequences=True, return_state=True, go_backwards=True, mask=MASK),
        of("with a mask", 2, (2, 4, 4, 3, 2), 2, 2, mask=MASK),
        of("from a state with a mask", 2, (2, 4, 4, 3, 2), 2, 2, padding="same", return_sequences=True, states=(4, 3, 2), mask=MASK),
        of("without bias, other activations", 2, (2, 3, 4, 4, 1), 3, 3, use_bias=False, activation="relu", recurrent_activation="hard_sigmoid"),
        of("strides of its own for rows and columns", 2, (2, 3, 5, 6, 1), 2, 3, strides=[2, 3]),
        of("alone", 3, (1, 3, 3, 4, 3, 2), 2, 2),
        of("of sequences, same padding", 3, (1, 2, 3, 3, 3, 1), 2, [1, 2, 3], padding="same", return_sequences=True, return_state=True),
        bidirectional(),
    ]


def bidirectional() -> dict:
    options = {"padding": "same", "return_sequences": True}
    spelled = {**spec("bidirectional"), "inner": spec("convLstm2d", 2, 3, **options)}
    return case("bidirectional convLstm2d", spelled, layers.Bidirectional(layers.ConvLSTM2D(2, 3, **options)), (2, 3, 3, 4, 1))
