"""What Keras' layers make of words: their vocabularies, numbers and bins."""

from __future__ import annotations

import keras
import numpy as np

from record import plain, tensor

TEXTS = ["The cat sat, on the MAT!", "a dog's  life\tis  short", "the dog and the Élan", "", "cat cat cat under_score"]
ASKED = ["The dog sat", "unheard-of things\nhappen to a CAT", "", "élan Élan"]
TOKENS = [["a", "c", "d", "d"], ["d", "z", "b", "a"], ["c", "c", "é", "日本"]]
LONG = ["", "a", "abc", "abcd", "seven77", "exactly8", "sixteen chars 16", "seventeen chars17", "x" * 32, "y" * 33, "z" * 64, "w" * 65, "ü" * 100, "0123456789" * 20]
NAMES = {"textVectorization": "TextVectorization", "stringLookup": "StringLookup", "integerLookup": "IntegerLookup", "hashing": "Hashing", "hashedCrossing": "HashedCrossing"}


def spelled(value):
    array = np.asarray(value)
    return tensor(array) if array.dtype.kind in "iufb" else [word.decode() if isinstance(word, bytes) else word for word in array.ravel().tolist()]


def case(name: str, kind: str, given, adapt=None, **options) -> dict:
    layer = getattr(keras.layers, NAMES[kind])(**options)
    if adapt is not None:
        layer.adapt(np.array(adapt) if not isinstance(adapt[0], str) else adapt)
    numbers = not isinstance(given, tuple) and np.asarray(given).dtype.kind in "if"
    output = layer(tuple(np.array(one) for one in given) if isinstance(given, tuple) else np.array(given) if numbers else given)
    return {
        "name": name,
        "layer": {"kind": kind, "options": plain(options)},
        **({"adapt": plain(adapt)} if adapt is not None else {}),
        "given": plain(given),
        "output": spelled(output),
        **({"vocabulary": plain(layer.get_vocabulary())} if hasattr(layer, "get_vocabulary") else {}),
    }


def cases() -> list[dict]:
    text = lambda name, **options: case(f"textVectorization{name}", "textVectorization", ASKED, TEXTS, **options)  # noqa: E731
    look = lambda name, **options: case(f"stringLookup{name}", "stringLookup", TOKENS, TOKENS, **options)  # noqa: E731
    count = lambda name, **options: case(f"integerLookup{name}", "integerLookup", [[12, 42, 7], [-5, 36, 12]], [[12, 12, 36], [42, 42, 12]], **options)  # noqa: E731
    return [
        text(""),
        text(" of a length", output_sequence_length=3),
        text(" with few words", max_tokens=5),
        text(" of characters", split="character", output_sequence_length=8),
        text(" of words and pairs", ngrams=2),
        text(" of pairs and triples", ngrams=(2, 3)),
        text(" as it is", standardize=None),
        text(", lower", standardize="lower"),
        text(" without punctuation", standardize="strip_punctuation"),
        text(", multi-hot", output_mode="multi_hot"),
        text(", counted", output_mode="count", max_tokens=30, pad_to_max_tokens=True),
        text(", tf-idf", output_mode="tf_idf"),
        text(", tf-idf, padded", output_mode="tf_idf", max_tokens=30, pad_to_max_tokens=True),
        case("textVectorization with a vocabulary", "textVectorization", ASKED, vocabulary=["dog", "cat", "the"]),
        case("textVectorization without splitting", "textVectorization", [["a b", "c"], ["C", "x"]], split=None, vocabulary=["a b", "c"]),
        look(""),
        look(" with a mask", mask_token="d"),
        look(", most frequent", max_tokens=3),
        look(", several unknown", max_tokens=6, num_oov_indices=3),
        look(", several unknown, salted", max_tokens=6, num_oov_indices=3, salt=[7, 11]),
        look(", one-hot", output_mode="one_hot"),
        look(", multi-hot", output_mode="multi_hot", mask_token="d"),
        look(", counted", output_mode="count"),
        look(", tf-idf", output_mode="tf_idf"),
        case("stringLookup, tf-idf, weights given", "stringLookup", TOKENS, vocabulary=["a", "b", "c", "d"], idf_weights=[0.25, 0.75, 0.6, 0.4], output_mode="tf_idf"),
        case("stringLookup, the way back", "stringLookup", [[1, 3, 4], [4, 0, 2]], vocabulary=["a", "b", "c", "d"], invert=True),
        count(""),
        count(" with a mask", mask_token=42),
        count(", several unknown", max_tokens=5, num_oov_indices=3),
        count(", several unknown, hashed", max_tokens=5, num_oov_indices=3, oov_method="farmhash"),
        count(", multi-hot", output_mode="multi_hot"),
        case("integerLookup, the way back", "integerLookup", [[1, 3, 4], [4, 0, 2]], vocabulary=[12, 36, 1138, 42], invert=True),
        case("hashing", "hashing", LONG, num_bins=1000003),
        case("hashing with a salt", "hashing", LONG, num_bins=1000003, salt=133),
        case("hashing with two salts", "hashing", LONG, num_bins=1000003, salt=[133, 137]),
        case("hashing with a mask", "hashing", [["A", "B"], ["", "D"]], num_bins=3, mask_value=""),
        case("hashing numbers", "hashing", [[1, 2], [-3, 40000]], num_bins=50),
        case("hashing, one-hot", "hashing", [["A"], ["B"], ["C"]], num_bins=4, output_mode="one_hot"),
        case("hashing, counted", "hashing", [["A", "B", "A"], ["C", "D", "E"]], num_bins=4, output_mode="count"),
        case("hashedCrossing", "hashedCrossing", (["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102]), num_bins=1000),
        case("hashedCrossing of three, one-hot", "hashedCrossing", ([["A"], ["B"]], [[1], [-2]], [["x"], ["y"]]), num_bins=6, output_mode="one_hot"),
    ]
