"Runs: train, open, sample, score and export a model by one configuration."
from .plan import (
    ClassifierConfig, ClassifierRun, GANConfig, GANRun, NEVER_RUN, Plan, RECIPES, Run,
    SCHEDULES, TRAINED, VDMConfig, VDMRun, as_run, change, check_same, config_hash, config_of,
    configure, export, fit, load_images, open, pick_device, plan_of, read_run, read_samples,
    recipes_for, report, report_evaluation, that_counts, train, use_kind)
