"""Runs: train, open, sample, score and export a model by one configuration."""
from ..settings import change
from .run import Run, config_hash, load_images, result_settings
from .folder import TRAINED, config_of, open, read_run
from .of_vdm import VDMConfig, VDMRun
from .of_ddgan import GANConfig, GANRun
from .of_classifier import ClassifierConfig, ClassifierRun
from .plan import (
    NEVER_RUN, Plan, RECIPES, as_run, configure, export, fit, plan_of, read_samples,
    recipes_for, report, report_evaluation, train, register_kind)
