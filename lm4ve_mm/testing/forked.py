"""A script: runs pieces of code in forks of a Python with warm imports.

``python forked.py torch mmcv`` imports these modules once. Each line of its
standard input is then a job in JSON, which a forked child runs as
``python -c`` would; what is printed for it is the exit status. Nothing of
this package is imported here: a child is as fresh as it can be.
"""

import importlib
import json
import os
import sys


def next_job() -> dict:
    """Wait for jobs in the parent; return in a child that has one to do."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            return json.loads(line)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f'{os.waitstatus_to_exitcode(status)}\n')
        sys.stdout.flush()
    sys.exit()


def become(job: dict) -> None:
    """Take the place of a Python that was started for the job."""
    for number, name, mode in ((0, os.devnull, 'rb'), (1, job['out'], 'wb'),
                               (2, job['err'], 'wb')):
        with open(name, mode) as file:
            os.dup2(file.fileno(), number)
    os.chdir(job['cwd'])
    os.environ.update(job['env'])
    sys.path[:0] = job['paths']
    sys.argv = ['-c', *job['words']]


if __name__ == '__main__':
    for module in sys.argv[1:]:
        importlib.import_module(module)
    job = next_job()
    become(job)
    exec(compile(job['code'], '<string>', 'exec'), {'__name__': '__main__'})
