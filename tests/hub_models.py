"""Models of KerasHub from configs, with vocabularies that are made here."""

import io
import string

import keras
import sentencepiece
from keras_hub import models

# A space in byte pairs.
SPACE = "\u0120"
STEPS = 12
TEXTS = ("the cat in the hat", "he sat", "a hen in a hat", "the rat ate it")


def gpt2_preprocessor():
    words = [*string.ascii_lowercase, SPACE, "th", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = models.GPT2Tokenizer(vocabulary, merges=["t h"])
    return models.GPT2CausalLMPreprocessor(tokenizer, STEPS)


def gpt2(width, preprocessor):
    backbone = models.GPT2Backbone(
        vocabulary_size=preprocessor.tokenizer.vocabulary_size(),
        num_layers=2,
        num_heads=2,
        hidden_dim=width,
        intermediate_dim=2 * width,
        max_sequence_length=STEPS,
    )
    return models.GPT2CausalLM(backbone, preprocessor)


def gemma_preprocessor():
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(20 * TEXTS),
        model_writer=file,
        vocab_size=30,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        pad_piece="<pad>",
        bos_piece="<bos>",
        eos_piece="<eos>",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    tokenizer = models.GemmaTokenizer(file.getvalue())
    return models.GemmaCausalLMPreprocessor(tokenizer, STEPS)


def gemma(width, preprocessor):
    backbone = models.GemmaBackbone(
        vocabulary_size=preprocessor.tokenizer.vocabulary_size(),
        num_layers=2,
        num_query_heads=2,
        num_key_value_heads=1,
        hidden_dim=width,
        intermediate_dim=4 * width,
        head_dim=width // 2,
    )
    return models.GemmaCausalLM(backbone, preprocessor)


def sure(model):
    """The model with logits that are far apart, as after a training."""
    embedding = model.backbone.token_embedding.embeddings
    embedding.assign(10 * embedding)
    return model


def bert(width, num_layers=2, num_heads=2):
    return models.BertBackbone(
        vocabulary_size=20,
        num_layers=num_layers,
        num_heads=num_heads,
        hidden_dim=width,
        intermediate_dim=2 * width,
        max_sequence_length=STEPS,
        num_segments=1,
    )


def cross_entropy():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
