"""The yardstick: TF-IDF words and characters with logistic regression."""
import random

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline

# the subject's baseline is trained on the exam questions only, as they are what it is compared on
EXAMS = ("MMLU-Pro", "MMLU")


def guard_rows(samples, benign=6_000):
    """All attacks, and some of the benign rows, of those that train the network's head."""
    attacks = [s for s in samples if s.guard > 0]
    rest = [s for s in samples if s.guard == 0]
    return attacks + random.Random(1).sample(rest, min(benign, len(rest)))


def fit(texts, labels):
    features = FeatureUnion([
        ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)),
        ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=3, max_features=200_000))])
    return make_pipeline(features, LogisticRegression(C=10, max_iter=60)).fit(texts, labels)
