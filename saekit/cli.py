"""The command line: thin, one function per verb, everything heavy imported inside it.

Bad input (`ValueError`, `OSError`) and sizes beyond the memory become one line on stderr and exit code 2; Ctrl-C exits
130 after the command has saved.
"""

import argparse
import os
import signal
import sys
import threading
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

from saekit.course_cli import add_course_commands


def main(argv=None):
    """Run one saekit command and return its exit code: 0 done, 1 a check failed, 2 bad input, 130 interrupted."""
    with one_of_many_is_silent():
        args = build_parser().parse_args(argv)
    stop_on_signals()
    try:
        return args.run(args) or 0
    except KeyboardInterrupt:
        print(f"saekit {args.command}: interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"saekit {args.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not of_memory(error):
            raise
        sizes = [flag for flag, name in (("--batch", "batch"), ("--d-sae", "d_sae")) if hasattr(args, name)]
        cure = f"lower {' or '.join(sizes)}" if sizes else "close other programs, or take a smaller model"
        print(f"saekit {args.command}: not enough memory; {cure} ({repr(error)[:200]})", file=sys.stderr)
        return 2


def of_memory(error):
    """Whether an error says that memory did not suffice; on a CPU PyTorch has no kind of error for that, only words."""
    words = ("out of memory", "tried to allocate", "ALLOC_FAILED", "bad_alloc")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


@contextmanager
def one_of_many_is_silent():
    """Within this context only the first of the processes that torchrun started writes to stderr: they all read the
    same words."""
    with open(os.devnull, "w") as nowhere:
        with redirect_stderr(sys.stderr if os.environ.get("RANK", "0") == "0" else nowhere):
            yield


def stop_on_signals():
    """Let SIGINT and SIGTERM end a command as Ctrl-C does, also where a shell started it in the background with SIGINT
    ignored."""
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.default_int_handler)


def build_parser():
    """The whole command line as one argparse parser."""
    parser = argparse.ArgumentParser(prog="saekit", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    add_course_commands(commands)
    add_subject_commands(commands)
    add_model_commands(commands)
    return parser


def add_subject_commands(commands):
    """train, eval, page, map, export: sparse autoencoders."""
    train = commands.add_parser("train", help="train an SAE on a language model's MLP activations")
    train.add_argument("--model", default="python-1l",
                       help="bundled name, folder or hub id; NAME:untrained is the same model before its training")
    train.add_argument("--layer", type=int, default=0)
    train.add_argument("--arch", default="topk", help="topk, batchtopk, matryoshka, jumprelu, gated, relu, relu-tied, "
                       "relu-weighted (April 2024), relu-hoyer or relu-l0")
    train.add_argument("--d-sae", type=int, default=4096, help="number of latents")
    train.add_argument("--k", type=int, help="topk, batchtopk, matryoshka: latents kept per token (default 32)")
    train.add_argument("--l1-coeff", type=float, help="relu, relu-tied, relu-weighted, gated: weight of the L1 penalty "
                       "(inputs scaled to unit variance, as for all weights)")
    train.add_argument("--l0-coeff", type=float, help="jumprelu, relu-l0: weight of the number of latents that fire")
    train.add_argument("--hoyer-coeff", type=float, help="relu-hoyer: weight of the Hoyer ratio")
    train.add_argument("--bandwidth", type=float, help="jumprelu: width of the window in which thresholds learn")
    train.add_argument("--auxk-coeff", type=float, help="topk, batchtopk, matryoshka, jumprelu: weight of AuxK, which "
                       "wakes dead latents (default: topk 0, else 1/2)")
    train.add_argument("--dead-after-tokens", type=number, help="a latent that fired in none of the last so many "
                       "activations counts as dead (default: 8,192 where AuxK is the default, else 250,000)")
    train.add_argument("--tokens", type=number, default=5_000_000, help="activations to train on, 5e6 style allowed")
    train.add_argument("--batch", type=int, help="activations per step")
    train.add_argument("--lr", type=float, help="Adam's peak learning rate (default: by architecture and number of steps; "
                       "on a short run higher)")
    train.add_argument("--decay-from", type=float, help="fraction of the steps from which on the rate falls to 0 "
                       "(default: 0.8)")
    train.add_argument("--encoder-eps", type=float, help="what Adam adds to its divisor for the encoder; more slows "
                       "latents that fire rarely (default: topk 1e-5, else 1e-8)")
    train.add_argument("--bias-rate", type=float, help="learning rate of the encoder's bias as a share of --lr (default: "
                       "topk 0.05, else 1)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--device", default="cpu")
    train.add_argument("--out", required=True, help="folder for the SAE, its card and checkpoints")
    stored = train.add_mutually_exclusive_group()
    stored.add_argument("--float16", action="store_true", help="store the finished SAE in half the bytes")
    stored.add_argument("--int8", action="store_true", help="store it in a quarter: int8 with one scale per latent")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    train.set_defaults(run=run_train)
    evaluate = commands.add_parser("eval", help="measure an SAE on held-out files")
    evaluate.add_argument("sae", help="folder with sae.safetensors, or such a file")
    evaluate.add_argument("--model", help="default: the model it was trained on")
    evaluate.add_argument("--tokens", type=number, default=200_000, help="tokens to measure on")
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of a table")
    evaluate.set_defaults(run=run_eval)
    page = commands.add_parser("page", help="the feature page: a static site with everything known of every latent")
    page.add_argument("sae", help="folder with sae.safetensors, or such a file")
    page.add_argument("--against", metavar="RUN2", help="an SAE of the same layer to compare with: another seed, say")
    page.add_argument("--out", required=True, help="folder for the site; open its index.html")
    page.add_argument("--tokens", type=number, default=2_000_000, help="tokens of training files to read")
    page.add_argument("--model", help="default: the model it was trained on")
    page.set_defaults(run=run_page)
    chart = commands.add_parser("map", help="the feature map of one or several SAEs, kept for `saekit page`")
    chart.add_argument("saes", nargs="+", metavar="RUN", help="the SAE whose page will show it, then others of its layer")
    chart.add_argument("--out", metavar="FILE", help="default: map.safetensors beside the first")
    chart.add_argument("--method", default="tsne", help="tsne, or umap (needs the extra [umap])")
    chart.add_argument("--perplexity", type=float, default=30, help="tsne: about how many neighbours count")
    chart.add_argument("--seed", type=int, default=0)
    chart.set_defaults(run=run_map)
    export = commands.add_parser("export", help="an SAE in the files of another library")
    export.add_argument("sae", help="folder with sae.safetensors, or such a file")
    export.add_argument("--format", default="sae-lens", help="sae-lens: for SAE.load_from_disk of SAELens 6")
    export.add_argument("--out", required=True, help="folder for the files")
    export.set_defaults(run=run_export)


def add_model_commands(commands):
    """train-lm, models: the language models, and what ships in data/."""
    train_lm = commands.add_parser("train-lm", help="train a small language model on this machine's Python files")
    train_lm.add_argument("--out", required=True)
    train_lm.add_argument("--tokens", type=number, default=25_000_000)
    train_lm.add_argument("--arch", default="gpt2", help="gpt2 (learned positions, ReLU) or gpt-neox (rotary, GELU)")
    train_lm.add_argument("--layers", type=int, default=1, help="number of blocks")
    train_lm.add_argument("--tokenizer-from", default="", metavar="MODEL",
                          help="share the tokenizer of a bundled model or folder instead of training one")
    train_lm.add_argument("--start-from", default="", metavar="MODEL",
                          help="go on from the weights of a bundled model or folder, with its tokenizer")
    train_lm.add_argument("--n-ctx", type=int, default=256)
    train_lm.add_argument("--batch", type=int, default=16, help="contexts per step")
    train_lm.add_argument("--dtype", default="float32", help="of the products: float32 or bfloat16")
    train_lm.add_argument("--lr", type=float, default=6e-3)
    train_lm.add_argument("--seed", type=int, default=0)
    train_lm.add_argument("--resume", action="store_true")
    train_lm.set_defaults(run=run_train_lm)
    models = commands.add_parser("models", help="what ships in data/: a table, the commands, or all measured again")
    models.add_argument("names", nargs="*", metavar="NAME", help="only these (default: all)")
    verb = models.add_mutually_exclusive_group()
    verb.add_argument("--command", dest="commands", action="store_true", help="the command that made each")
    verb.add_argument("--verify", action="store_true", help="measure again here; exit code 1 where a card is off")
    verb.add_argument("--add", metavar="RUN", help="copy a finished SAE from this folder into data/saes")
    models.add_argument("--json", action="store_true", help="print JSON instead of a table")
    models.add_argument("--card-only", action="store_true", help="with --add: without its weights")
    models.set_defaults(run=run_models)


def number(text):
    """A whole number that may be written 5e6."""
    value = float(text)
    if not value.is_integer():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(value)


def run_train(args):
    """saekit train."""
    from saekit import memory
    from saekit.experiment import train

    memory.keep_freed()
    return train(args)


def run_eval(args):
    """saekit eval."""
    from saekit.experiment import evaluate

    return evaluate(args)


def run_page(args):
    """saekit page."""
    from saekit.page.site import write_site

    print(f"open {write_site(args.sae, args.out, args.against, args.tokens, args.model)}")


def run_map(args):
    """saekit map."""
    from saekit.page.map import write_map

    command = f"saekit map {' '.join(Path(run).name for run in args.saes)} --method {args.method}"
    command += f" --perplexity {args.perplexity:g} --seed {args.seed}"
    print(f"wrote {write_map(args.saes, args.out, args.method, args.perplexity, args.seed, command)}")


def run_export(args):
    """saekit export."""
    from saekit.export import export

    print(f"wrote {export(args.sae, args.out, args.format)}")


def run_train_lm(args):
    """saekit train-lm."""
    from saekit import memory
    from saekit.pretrain import PretrainConfig, train_lm

    memory.keep_freed()
    config = PretrainConfig(tokens=args.tokens, arch=args.arch, n_layers=args.layers, n_ctx=args.n_ctx,
                            batch=args.batch, lr=args.lr, dtype=args.dtype, tokenizer_from=args.tokenizer_from,
                            start_from=args.start_from, seed=args.seed)
    card = train_lm(args.out, config, resume=args.resume)
    for name, nats in card["ce_nats_per_token"].items():
        print(f"{name:12} {nats:.3f} nats/token {card['bits_per_byte'][name]:.3f} bits/byte")


def run_models(args):
    """saekit models."""
    from saekit import catalog

    if args.card_only and not args.add:
        raise ValueError("--card-only goes with --add RUN")
    if args.add:
        print(f"{catalog.add(args.add, args.card_only)} added")
        return 0
    if args.verify:
        from saekit.verify import verify

        return verify(args.names, args.json)
    return catalog.show(args.names, args.commands, args.json)
