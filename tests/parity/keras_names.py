"""The public names of Keras that docs/parity.md is measured against."""

from __future__ import annotations

import inspect

import keras


def classes(module, base: type, apart: tuple[str, ...] = ()) -> list[str]:
    """Each class once, under its own name where it is exported so."""
    found: dict[type, str] = {}
    for name, value in sorted(vars(module).items(), key=lambda item: (len(item[0]), item[0])):
        if inspect.isclass(value) and issubclass(value, base) and value is not base and not name.startswith("_") and name[0].isupper():
            found[value] = name if value.__name__ == name else found.get(value, name)
    return sorted(set(found.values()) - set(apart))


def cases() -> list[dict]:
    return [
        {"name": "keras.layers", "names": classes(keras.layers, keras.layers.Layer)},
        {"name": "keras.activations", "names": sorted(name for name, value in vars(keras.activations).items() if inspect.isfunction(value) and name not in ("get", "serialize", "deserialize"))},
        {"name": "keras.losses", "names": classes(keras.losses, keras.losses.Loss)},
        {"name": "keras.metrics", "names": classes(keras.metrics, keras.metrics.Metric)},
        {"name": "keras.optimizers", "names": classes(keras.optimizers, keras.optimizers.Optimizer)},
        {"name": "keras.optimizers.schedules", "names": classes(keras.optimizers.schedules, keras.optimizers.schedules.LearningRateSchedule)},
        {"name": "keras.initializers", "names": classes(keras.initializers, keras.initializers.Initializer)},
        {"name": "keras.regularizers", "names": classes(keras.regularizers, keras.regularizers.Regularizer)},
        {"name": "keras.constraints", "names": classes(keras.constraints, keras.constraints.Constraint)},
        {"name": "keras.callbacks", "names": classes(keras.callbacks, keras.callbacks.Callback)},
    ]
