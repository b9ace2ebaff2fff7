"""Whole trainings of a tiny model, 4 → 8 → 3, with what `fit` answers, and the sizes of the acceptance programs."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from keras_layer import normal, random_of
from record import plain, tensor

SAMPLES, EPOCHS, BATCH = 24, 3, 8


def data() -> tuple[np.ndarray, np.ndarray]:
    random = random_of("fit data")
    x = normal(random, (SAMPLES, 4))
    labels = np.int32(np.argmax(x @ normal(random, (4, 3)) + 0.5 * normal(random, (SAMPLES, 3)), axis=1))
    return x, labels


def start() -> list[np.ndarray]:
    random = random_of("fit start")
    return [normal(random, shape) * np.float32(0.5) for shape in ((4, 8), (8,), (8, 3), (3,))]


def tiny(activation: str = "softmax") -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3, activation=activation)])
    model.set_weights(start())
    return model


def training(name: str, optimizer: tuple[str, dict] = ("adam", {"learning_rate": 0.02}), loss: str = "sparse_categorical_crossentropy", one_hot: bool = False, batch: int = BATCH, sample_weight=None, compiled: dict | None = None, **options) -> dict:
    x, labels = data()
    y = np.eye(3, dtype=np.float32)[labels] if one_hot else labels
    classes = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD, "rmsprop": keras.optimizers.RMSprop}
    model = tiny()
    model.compile(optimizer=classes[optimizer[0]](**optimizer[1]), loss=loss, metrics=["accuracy"], **(compiled or {}))
    weighted = {} if sample_weight is None else {"sample_weight": sample_weight}
    history = model.fit(x, y, epochs=EPOCHS, batch_size=batch, shuffle=False, verbose=0, **weighted, **options).history
    said = {key: {str(k): v for k, v in value.items()} if key == "class_weight" else value for key, value in options.items()}
    evaluated = model.evaluate(x, y, batch_size=batch, verbose=0)
    return {
        "name": name,
        "optimizer": {"kind": optimizer[0], "options": plain(optimizer[1])},
        "loss": loss,
        "compile": plain(compiled or {}),
        "fit": {"epochs": EPOCHS, "batchSize": batch, "shuffle": False, **plain(said)},
        **({} if sample_weight is None else {"sampleWeight": tensor(sample_weight)}),
        "x": tensor(x),
        "y": tensor(y),
        "start": [tensor(value) for value in start()],
        "history": {key: [float(value) for value in values] for key, values in history.items()},
        "end": [tensor(value) for value in model.get_weights()],
        "evaluate": [float(value) for value in evaluated],
        "predictions": tensor(model.predict(x[:4], verbose=0)),
    }


def size(name: str, model: keras.Model) -> dict:
    rows = [{"kind": type(layer).__name__, "output": [None, *layer.output.shape[1:]], "parameters": layer.count_params()} for layer in model.layers]
    return {"name": name, "parameters": model.count_params(), "layers": rows}


def programs() -> list[dict]:
    pixels = [layers.Conv2D(32, (3, 3), activation="relu"), layers.MaxPooling2D((2, 2)), layers.Conv2D(64, (3, 3), activation="relu"), layers.MaxPooling2D((2, 2)), layers.Flatten()]
    again = [layers.Conv2D(32, (3, 3), activation="relu"), layers.MaxPooling2D((2, 2)), layers.Conv2D(64, (3, 3), activation="relu"), layers.MaxPooling2D((2, 2)), layers.Flatten()]
    image = keras.Input((28, 28, 1))
    ten = lambda: layers.Dense(10, activation="softmax")  # noqa: E731
    made = [
        size("P1", keras.Sequential([image, *pixels, layers.Dense(128, activation="relu"), layers.Dropout(0.5), ten()])),
        size("P2", keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(128, activation="relu"), ten()])),
        size("P5", keras.Sequential([keras.Input((28, 28, 1)), *again, ten()])),
    ]
    assert [each["parameters"] for each in made] == [225034, 101770, 34826]
    return made


def cases() -> list[dict]:
    random = random_of("fit weights")
    weights = np.float32(random.random(SAMPLES) * 2)
    split = {"validation_split": 0.25}
    # Keras takes classWeight or sampleWeight and refuses both together.
    classes = {0: 1.0, 1: 3.0, 2: 0.5}
    return [
        training("fit", **split),
        training("fit without validation"),
        training("fit with sgd", ("sgd", {"learning_rate": 0.1, "momentum": 0.9}), **split),
        training("fit with rmsprop", ("rmsprop", {"learning_rate": 0.01}), **split),
        training("fit with one-hot labels", loss="categorical_crossentropy", one_hot=True, **split),
        training("fit with mean_squared_error", loss="mean_squared_error", one_hot=True, **split),
        training("fit with a short last batch", batch=7, **split),
        training("fit with classWeight", class_weight=classes, **split),
        training("fit with classWeight and one-hot labels", loss="categorical_crossentropy", one_hot=True, class_weight=classes, **split),
        training("fit with sampleWeight", sample_weight=weights, **split),
        training("fit with sampleWeight and weighted metrics", sample_weight=weights, compiled={"weighted_metrics": ["accuracy"]}, **split),
        training("fit with sampleWeight and a short last batch", sample_weight=weights, batch=7),
        *programs(),
    ]
