"""The tables of the model card for a model that is there, with TF-IDF beside each figure."""
import argparse
from pathlib import Path

import assets
import card
import data
import evaluate
import samples
import synthetic
import train
import unlabelled


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--assets", type=Path, required=True)
    options = parser.parse_args()
    classifier = assets.Classifier.load(options.assets)
    rows, validation = data.load(options.data, train.DATA_SEED)
    rows += synthetic.rows(train.DATA_SEED)
    figures = evaluate.everything(classifier.scores, options.data, validation)
    every = samples.build(options.data, rows, unlabelled.requests(options.data), [], train.DATA_SEED)
    baselines = train.measure_baselines(options.data, rows, every, validation)
    for title, table in (("Subject", card.domain_table(figures["domain"], baselines["domain"])), ("Guard", card.guard_summary(figures["guard"], baselines["guard"])),
                         ("Guard, by source", card.guard_sources(figures["guard"])), ("Embedding", card.pair_tables(figures["embedding"])),
                         ("Made-up rows", card.made_up_table(figures))):
        print(f"## {title}\n\n{table}\n")


if __name__ == "__main__":
    main()
