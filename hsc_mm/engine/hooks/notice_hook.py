"""Hook that writes notices to the log."""
import logging

from mmengine.hooks import Hook

from hsc_mm.registry import HOOKS

__all__ = ['NoticeHook']


@HOOKS.register_module()
class NoticeHook(Hook):
    """Put a line in the log when a run starts.

    Args:
        text (str): The line.
    """

    priority = 'VERY_HIGH'

    def __init__(self, text: str) -> None:
        self.text = text

    def before_run(self, runner) -> None:
        """Print, as a warning."""
        runner.logger.log(logging.WARNING, self.text)
