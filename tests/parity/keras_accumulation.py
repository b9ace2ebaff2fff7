"""Trainings in which several batches make one update, as in keras_fit.py."""

from __future__ import annotations

import keras

import keras_fit


def case(name: str, optimizer: str, **options) -> dict:
    found = keras_fit.training(name, (optimizer, options), batch=4)
    return found | {"optimizer": {"kind": optimizer, "options": {**found["optimizer"]["options"]}}}


def scheduled() -> dict:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.2, 4, 0.5)
    options = {"learning_rate": schedule, "gradient_accumulation_steps": 2}
    real = keras_fit.plain
    keras_fit.plain = lambda value: {"learningRate": {"kind": "exponentialDecay", "initialLearningRate": 0.2, "decaySteps": 4, "decayRate": 0.5}, "gradientAccumulationSteps": 2} if value is options else real(value)
    try:
        return keras_fit.training("by a schedule", ("sgd", options), batch=4)
    finally:
        keras_fit.plain = real


def cases() -> list[dict]:
    return [
        case("by adam", "adam", learning_rate=0.02, gradient_accumulation_steps=3),
        case("by sgd, not in time with the epochs", "sgd", learning_rate=0.1, momentum=0.9, gradient_accumulation_steps=4),
        case("with clipping and decay", "adam", learning_rate=0.02, clipnorm=0.1, weight_decay=0.1, gradient_accumulation_steps=2),
        case("with running means", "sgd", learning_rate=0.1, use_ema=True, ema_momentum=0.8, gradient_accumulation_steps=2),
        scheduled(),
    ]
