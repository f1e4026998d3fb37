"""Ask a trained model about a scene of your own.

    python projects/vqa_3d/tools/ask_scene.py CONFIG CHECKPOINT SCENE.ply \
        --position 1.2 0.4 0 --heading 90 'What is on my left?' \
        --situation 'I am standing by the door facing the window.'

SCENE.ply is a mesh or cloud with colours, z up, in metres; the alignment is
read from ScanNet's <scene>.txt beside it, if there is one. Position and
heading (degrees, from +x towards +y) are in the coordinates of the file. The
model knows the situation by its text: without --situation one is made of
what the detector finds ahead, and shown. --out draws it.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from lm4ve_vqa3d.apis import (
    answers_of,
    as_results,
    describe,
    pipeline_of,
    read_mesh,
    respond,
    stand,
)
from lm4ve_vqa3d.drawing import Drawn, draw_sheet

from lm4ve_mm import apis


def run(args: Namespace) -> None:
    """Read, ask, and print the answers."""
    if not Path(args.checkpoint).is_file():
        raise FileNotFoundError(f'there is no checkpoint {args.checkpoint}')
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    scene = read_mesh(args.scene)
    pose = stand(scene, args.position, args.heading)
    model = apis.load_model(cfg, args.checkpoint)
    answers, pipeline = answers_of(cfg), pipeline_of(cfg)

    def ask(situation):
        return respond(model, pipeline(as_results(
            scene, pose, situation, args.question, len(answers))), answers)

    situation = args.situation or describe(ask('I am here.'), *pose)
    found = ask(situation)
    print(f'situation: {situation}\nquestion: {args.question}')
    for answer, score in found.answers:
        print(f'  {score:6.1%}  {answer}')
    if args.out:
        draw_sheet([Drawn(scene.vertices[:, :6], *pose, situation,
                          args.question, None, found)], args.out)
        print(f'wrote {args.out}')


@apis.explained()
def main() -> None:
    """Ask as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('scene', type=Path, metavar='SCENE.ply')
    parser.add_argument('question')
    parser.add_argument('--position', nargs=3, type=float, required=True,
                        metavar=('X', 'Y', 'Z'))
    parser.add_argument('--heading', type=float, required=True,
                        help='degrees, from +x towards +y')
    parser.add_argument('--situation', help='the situation in words')
    parser.add_argument('--out', type=Path, help='a picture to write')
    apis.add_config_options(parser)
    run(parser.parse_args())


if __name__ == '__main__':
    main()
