"""CLIP as LeRobot uses it: what its models are, and the embedding of a task, by `transformers` and its tokenizer.

A checkpoint holds the weights. What the models are made of, and their tokens, is asked of `transformers` by the name in
`config.json`: a folder, or what LeRobot has put into the cache. Nothing is downloaded.
"""

import re
from collections.abc import Callable

import torch
from torch import Tensor

from export import weights
from export.clip import ACTIVATIONS, Vision
from export.fields import Fields
from export.policy import ExportError, Task

# Names of the vision encoder's weights in `transformers`, and here.
NAMES = (
    (r"^embeddings\.(patch_embedding)\.", r"\1."),
    (r"^embeddings\.(class_embedding)$", r"\1"),
    (r"^embeddings\.(position_embedding)\.weight$", r"\1"),
    (r"^encoder\.layers\.", "layers."),
)
# The features are not normalised by it.
UNUSED = ("post_layernorm.",)


def stripped(name: str) -> str:
    """A weight's name without what only some versions of `transformers` put before it."""
    return re.sub(r"^(vision_model|text_model)\.", "", name)


def asked(fields: Fields, name: str, ask: Callable[..., object]) -> object:
    """What `transformers` has under the name in a field."""
    model = fields.get(name)
    if not isinstance(model, str):
        raise fields.refuse(name, f"is {model!r}, but must be the name of a CLIP model")
    try:
        return ask(model, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        where = f"is {model}, which transformers has neither as a folder nor in its cache"
        raise fields.refuse(name, f"{where}: load the policy in LeRobot once, or name a folder ({error})") from error


def transformers() -> object:
    try:
        import transformers
    except ImportError as error:
        raise ExportError("a policy of type multi_task_dit needs transformers: pip install transformers") from error
    return transformers


def vision(fields: Fields, weights: int) -> Vision:
    """What the vision encoder is made of, of at most so many layers as there are weights."""
    found = asked(fields, "vision_encoder_name", transformers().CLIPVisionConfig.from_pretrained)
    about = Fields(f"{fields.where}: vision_encoder_name: {fields.get('vision_encoder_name')}", found.to_dict())
    names = ("image_size", "patch_size", "hidden_size", "intermediate_size")
    sizes, heads = [about.count(name) for name in names], about.count("num_attention_heads")
    if sizes[2] % heads:
        raise about.refuse("hidden_size", f"is {sizes[2]}, but must be a multiple of num_attention_heads, {heads}")
    layers, act = about.count("num_hidden_layers", max(1, weights)), about.one_of("hidden_act", *ACTIVATIONS)
    return Vision(*sizes, layers, heads, act, about.number("layer_norm_eps"))


def attentive(tensors: dict[str, Tensor], within: str) -> dict[str, Tensor]:
    """The weights that are used, those of queries, keys and values joined as PyTorch's attention has them."""
    kept = {name: weight for name, weight in tensors.items() if not name.startswith(UNUSED)}
    for query in [name for name in kept if f"{within}q_proj." in name]:
        parts = [query.replace("q_proj", f"{letter}_proj") for letter in "qkv"]
        if all(part in kept and kept[part].dim() in (1, 2) for part in parts):
            joined = query.replace("q_proj.", "in_proj_")
            kept[joined] = torch.cat([kept.pop(part) for part in parts])
    return kept


@torch.no_grad()
def tasks(
    fields: Fields, tokenizer: Fields | None, tensors: dict[str, Tensor], stated: tuple[str, ...], where: str
) -> tuple[Task, ...]:
    """The tasks that are stated, with their embeddings, `[hidden_dim]`."""
    if not stated:
        raise ExportError(
            f"{fields.where}: the policy is told its task in words: state --task NAME=INSTRUCTION for each"
        )
    if tokenizer is None:
        raise ExportError(f"{where}: the preprocessor has no step tokenizer_processor to make tokens of a task")
    net, project = text_model(fields, tensors, where), projection(fields, tensors, where)
    names = [text.partition("=") for text in stated]
    told = [(name.strip(), text.strip() if given else name.strip()) for name, given, text in names]
    tokens = tokenized(tokenizer, fields, [text for _, text in told])
    found = project(net(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"].bool()).pooler_output)
    return tuple(Task(name, text, row.tolist()) for (name, text), row in zip(told, found, strict=True))


def tokenized(settings: Fields, fields: Fields, texts: list[str]) -> dict[str, Tensor]:
    """The tokens of texts, as the preprocessor makes them."""
    named = settings if "tokenizer_name" in settings.values else None
    name = "tokenizer_name" if named else "text_encoder_name"
    tokenizer = asked(named or fields, name, transformers().AutoTokenizer.from_pretrained)
    return tokenizer(
        texts,
        max_length=settings.count("max_length"),
        truncation=settings.flag("truncation"),
        padding=settings.one_of("padding", "max_length", "longest"),
        padding_side=settings.one_of("padding_side", "left", "right"),
        return_tensors="pt",
    )


def text_model(fields: Fields, tensors: dict[str, Tensor], where: str) -> torch.nn.Module:
    """CLIP's text encoder with the weights of the checkpoint."""
    config = asked(fields, "text_encoder_name", transformers().CLIPTextConfig.from_pretrained)
    found = {stripped(name): weight for name, weight in weights.under("text_encoder.", tensors).items()}

    def build() -> torch.nn.Module:
        return transformers().CLIPTextModel(config)

    with torch.device("meta"):
        names = {stripped(name): name for name in build().state_dict()}
    prefix = "".join({name.removesuffix(short) for short, name in names.items()})
    return weights.fitted(build, found, ((r"^", prefix),), f"{where}text_encoder.")


def projection(fields: Fields, tensors: dict[str, Tensor], where: str) -> torch.nn.Module:
    """The layer that makes a condition of what the encoder says."""
    found, size = weights.under("projection.", tensors), fields.count("hidden_dim")
    said = found["weight"].shape[-1] if "weight" in found and found["weight"].dim() else 1
    return weights.fitted(lambda: torch.nn.Linear(said, size), found, (), f"{where}projection.")
