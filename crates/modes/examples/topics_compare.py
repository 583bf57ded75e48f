"""Perplexity of held-out words, beside scikit-learn, gensim and tomotopy: `python topics_compare.py FOLDER`.

    pip install -r topics_requirements.txt
    cargo build --release -p parapolicy-modes --example topics
    python topics_compare.py FOLDER [--program PATH]

The corpus is the Reuters one that the package `lda` brings: 395 documents, 84010 words of a vocabulary of 4258. Each tenth document is held out, and so are
half of its words, at random. The other half tells its weights of a model's topics, and the first half is judged by them (document completion):

    perplexity = exp(-mean log sum_k theta_dk phi_k(w)),   theta_dk = (a_k + sum_w n_dw r_dwk) / (sum_k a_k + N_d),   r_dwk ~ theta_dk phi_k(w)

theta is the fixed point of these two equations; a are the model's weights of topics before a document is seen. It is the same function for all.
Models that draw are judged at one draw, and with the probabilities of ten draws averaged.
"""

import argparse
import os
import subprocess
from pathlib import Path

import lda.datasets
import numpy as np

ETA = 0.1
DRAWS = 10
SEEDS = (1, 2, 3)
# How many topics a model has, or begins with.
TOPICS = (20, 50, 100, 200)


def corpus() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts of training documents, and of both halves of those held out, `[documents, words]`."""
    counts = lda.datasets.load_reuters()
    held_out = np.arange(len(counts)) % 10 == 9
    random = np.random.default_rng(0)
    given = random.binomial(counts[held_out], 0.5)
    return counts[~held_out], given, counts[held_out] - given


def complete(given: np.ndarray, words: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """The probability of every word of the vocabulary in each document, `[documents, words]`, of topics `words [K, V]`."""
    weights = np.tile(prior / prior.sum(), (len(given), 1))
    for _ in range(100):
        shares = weights @ words
        weights = prior + weights * ((given / np.maximum(shares, 1e-300)) @ words.T)
        weights /= weights.sum(axis=1, keepdims=True)
    return weights @ words


def perplexity(probabilities: np.ndarray, judged: np.ndarray) -> float:
    return float(np.exp(-(judged * np.log(probabilities)).sum() / judged.sum()))


def report(name: str, seconds: float, draws: list[tuple[np.ndarray, np.ndarray]], given: np.ndarray, judged: np.ndarray) -> None:
    probabilities = [complete(given, words, prior) for words, prior in draws]
    one, mean = perplexity(probabilities[-1], judged), perplexity(np.mean(probabilities, axis=0), judged)
    print(
        f"{name:<44} K {len(draws[-1][1]):4d}  perplexity {one:8.1f}  of {len(draws):2d} draws {mean:8.1f}  {seconds:7.1f} processor s",
        flush=True,
    )


def ours(program: Path, folder: Path, train: np.ndarray, begin: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    documents, words = np.nonzero(train)
    times = train[documents, words]
    np.savez(
        folder / "corpus.npz",
        words=np.repeat(words, times).astype(np.int64),
        documents=np.repeat(documents, times).astype(np.int64),
        vocabulary=np.int64(train.shape[1]),
    )
    print(
        subprocess.run(
            [program, folder / "corpus.npz", folder / "topics.npz", str(seed), str(begin)], check=True, capture_output=True, text=True
        ).stdout,
        end="",
    )
    with np.load(folder / "topics.npz") as found:
        new = np.full((1, train.shape[1]), 1 / train.shape[1])
        return [(np.concatenate([found[f"words_{i}"], new]), found[f"weights_{i}"]) for i in range(DRAWS)]


def with_sklearn(train: np.ndarray, topics: int, eta: float, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.decomposition import LatentDirichletAllocation

    model = LatentDirichletAllocation(topics, topic_word_prior=eta, max_iter=100, learning_method="batch", random_state=seed)
    model.fit(train)
    return [(model.components_ / model.components_.sum(axis=1, keepdims=True), np.full(topics, model.doc_topic_prior_))]


def with_gensim(train: np.ndarray, topics: int, eta: float, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from gensim.models import LdaModel

    bags = [[(int(word), int(row[word])) for word in np.flatnonzero(row)] for row in train]
    names = {word: str(word) for word in range(train.shape[1])}
    model = LdaModel(bags, topics, names, passes=50, iterations=100, alpha="auto", eta=eta, random_state=seed, eval_every=None)
    return [(model.get_topics().astype(float), np.asarray(model.alpha, float))]


def with_gensim_hdp(train: np.ndarray, topics: int, eta: float, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from gensim.models import HdpModel

    bags = [[(int(word), int(row[word])) for word in np.flatnonzero(row)] for row in train]
    names = {word: str(word) for word in range(train.shape[1])}
    model = HdpModel(bags, names, T=topics, K=15, eta=eta, random_state=seed, max_chunks=500)
    prior, words = model.hdp_to_lda()
    return [(words, np.asarray(prior))]


def with_tomotopy(train: np.ndarray, topics: int, eta: float, seed: int, *, hierarchical: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    import tomotopy

    model = tomotopy.HDPModel(initial_k=topics, eta=eta, seed=seed) if hierarchical else tomotopy.LDAModel(k=topics, eta=eta, seed=seed)
    for row in train:
        model.add_doc([str(word) for word in np.repeat(np.arange(len(row)), row)])
    model.train(1500, workers=2)
    columns = [int(word) for word in model.used_vocabs]
    draws = []
    for _ in range(DRAWS):
        live = [k for k in range(model.k) if not hierarchical or model.is_live_topic(k)]
        sizes = np.asarray(model.get_count_by_topics(), float)[live]
        # Words that no training document has: as likely as the prior says, the others less so.
        words = np.zeros((len(live), train.shape[1]))
        total = train.shape[1] * eta
        words[:] = (eta / (sizes + total))[:, None]
        for row, k in enumerate(live):
            known = np.asarray(model.get_topic_word_dist(k), float)
            counts = known * (sizes[row] + len(columns) * eta)
            words[row, columns] = counts / (sizes[row] + total)
        prior = model.alpha * sizes / sizes.sum() if hierarchical else np.asarray(model.alpha, float)
        draws.append((words, prior))
        model.train(50, workers=2)
    return draws


def processor_seconds() -> float:
    """Of all threads, and of programs that have ended."""
    return sum(os.times()[:4])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", type=Path, default=Path("target/release/examples/topics"))
    parser.add_argument("--only", default="", help="models whose name begins so")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    train, given, judged = corpus()
    print(f"{train.sum()} words of {len(train)} documents; {given.sum()} given and {judged.sum()} judged of {len(given)}")

    models = {
        f"parapolicy, HDP, from {begin}": lambda seed, begin=begin: ours(arguments.program, arguments.folder, train, begin, seed)
        for begin in TOPICS
    }
    for eta in (ETA, 0.01):
        for topics in TOPICS:
            models[f"tomotopy, LDA, {topics}, eta {eta}"] = lambda seed, k=topics, eta=eta: with_tomotopy(
                train, k, eta, seed, hierarchical=False
            )
            models[f"scikit-learn, LDA, {topics}, eta {eta}"] = lambda seed, k=topics, eta=eta: with_sklearn(train, k, eta, seed)
            models[f"gensim, LDA, {topics}, eta {eta}"] = lambda seed, k=topics, eta=eta: with_gensim(train, k, eta, seed)
        models[f"tomotopy, HDP, from 50, eta {eta}"] = lambda seed, eta=eta: with_tomotopy(train, 50, eta, seed, hierarchical=True)
        models[f"tomotopy, HDP, from 100, eta {eta}"] = lambda seed, eta=eta: with_tomotopy(train, 100, eta, seed, hierarchical=True)
        models[f"gensim, HDP, eta {eta}"] = lambda seed, eta=eta: with_gensim_hdp(train, 150, eta, seed)
    for name, fit in models.items():
        if not name.startswith(arguments.only):
            continue
        for seed in SEEDS if name.startswith("parapolicy") else SEEDS[:1]:
            began = processor_seconds()
            draws = fit(seed)
            report(f"{name}, seed {seed}", processor_seconds() - began, draws, given, judged)


if __name__ == "__main__":
    main()
