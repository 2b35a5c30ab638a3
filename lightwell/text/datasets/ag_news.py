"""AG_NEWS: news in four classes (Zhang, Zhao and LeCun 2015)."""

import csv

from lightwell.text.datasets._rows import Rows, for_splits, found

URL = {name: f"https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv/{name}.csv" for name in ("train", "test")}
MD5 = {"train": "b1a00f826fdfbd249f79597b59e1dc12", "test": "d52ea96a97a2d943681189a97654912d"}
NUM_LINES = {"train": 120000, "test": 7600}
DATASET_NAME = "AG_NEWS"


def AG_NEWS(root=None, split=("train", "test")):
    """(class from 1 to 4, text), from train.csv and test.csv."""

    def make(name):
        def read():
            path = found(root, DATASET_NAME, f"{name}.csv", URL[name], MD5[name], False)
            with open(path, encoding="utf-8", newline="") as file:
                for row in csv.reader(file):
                    yield int(row[0]), " ".join(row[1:])

        return Rows(read)

    return for_splits(tuple(URL), split, make)
