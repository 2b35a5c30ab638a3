"""`SummaryWriter`: logs numbers, distributions, pictures, texts, curves and graphs for TensorBoard."""

import os
import socket
import time
from datetime import datetime
from urllib.parse import quote

from tensorboard.compat.proto import event_pb2
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from ...errors.teaching import ValueError
from . import embedding, summary
from .arrays import figure_to_image, make_np
from .hparams import hparams

__all__ = ["FileWriter", "SummaryWriter"]


class FileWriter:
    """Writes events and summaries to an event file in `log_dir`, in a thread of its own.

    At most `max_queue` events wait; the file is flushed every `flush_secs` seconds.
    """

    def __init__(self, log_dir, max_queue=10, flush_secs=120, filename_suffix="") -> None:
        self.event_writer = EventFileWriter(str(log_dir), max_queue, flush_secs, filename_suffix)

    def get_logdir(self):
        """The folder of the file."""
        return self.event_writer.get_logdir()

    def add_event(self, event, step=None, walltime=None) -> None:
        """Write an Event, at a step and a time (now by default)."""
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)
        self.event_writer.add_event(event)

    def add_summary(self, summary, global_step=None, walltime=None) -> None:
        """Write a Summary."""
        self.add_event(event_pb2.Event(summary=summary), global_step, walltime)

    def add_graph(self, graph_profile, walltime=None) -> None:
        """Write a GraphDef and what ran where."""
        graph, stepstats = graph_profile
        self.add_event(event_pb2.Event(graph_def=graph.SerializeToString()), None, walltime)
        told = event_pb2.TaggedRunMetadata(tag="step1", run_metadata=stepstats.SerializeToString())
        self.add_event(event_pb2.Event(tagged_run_metadata=told), None, walltime)

    def add_onnx_graph(self, graph, walltime=None) -> None:
        """Write a GraphDef made of an ONNX model."""
        self.add_event(event_pb2.Event(graph_def=graph.SerializeToString()), None, walltime)

    def flush(self) -> None:
        """Write out what waits."""
        self.event_writer.flush()

    def close(self) -> None:
        """Write out what waits, and close the file."""
        self.event_writer.close()

    def reopen(self) -> None:
        """Start another file in the same folder."""
        self.event_writer = EventFileWriter(self.get_logdir())


class SummaryWriter:
    """Logs to event files in `log_dir`, by default runs/DATE_HOSTNAME + `comment`.

    `purge_step` tells TensorBoard to forget what was logged from that step on (after a crash). `add_*` methods take a
    tag, a value and `global_step`; `walltime` stands for the time of the event. A context manager that closes itself.

    >>> import os, tempfile
    >>> from lightwell.utils.tensorboard import SummaryWriter
    >>> folder = tempfile.mkdtemp()
    >>> with SummaryWriter(folder) as writer:
    ...     for step in range(3):
    ...         writer.add_scalar("loss", 1 / (step + 1), step)
    >>> len(os.listdir(folder))
    1
    """

    def __init__(self, log_dir=None, comment="", purge_step=None, max_queue=10, flush_secs=120, filename_suffix="") -> None:
        if not log_dir:
            log_dir = os.path.join("runs", datetime.now().strftime("%b%d_%H-%M-%S") + "_" + socket.gethostname() + comment)
        self.log_dir, self.purge_step, self.max_queue = log_dir, purge_step, max_queue
        self.flush_secs, self.filename_suffix = flush_secs, filename_suffix
        self.file_writer = self.all_writers = None
        self._projector_config = ProjectorConfig()
        self._get_file_writer()
        edges, v = [], 1e-12
        while v < 1e20:
            edges.append(v)
            v *= 1.1
        self.default_bins = [-e for e in reversed(edges)] + [0] + edges

    def _get_file_writer(self) -> FileWriter:
        """The file's writer; a new file after `close`."""
        if self.all_writers is None or self.file_writer is None:
            self.file_writer = FileWriter(self.log_dir, self.max_queue, self.flush_secs, self.filename_suffix)
            self.all_writers = {self.file_writer.get_logdir(): self.file_writer}
            if self.purge_step is not None:
                step = self.purge_step
                self.file_writer.add_event(event_pb2.Event(step=step, file_version="brain.Event:2"))
                start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
                self.file_writer.add_event(event_pb2.Event(step=step, session_log=start))
                self.purge_step = None
        return self.file_writer

    def _add(self, made, global_step=None, walltime=None) -> None:
        self._get_file_writer().add_summary(made, global_step, walltime)

    def get_logdir(self):
        """The folder of the event files."""
        return self.log_dir

    # ---- numbers --------------------------------------------------------------------------------------------------------

    def add_hparams(self, hparam_dict, metric_dict, hparam_domain_discrete=None, run_name=None, global_step=None) -> None:
        """The hyperparameters of a run and what they led to, in a folder of their own (`run_name`, by default the time)."""
        messages = hparams(hparam_dict, metric_dict, hparam_domain_discrete)
        with SummaryWriter(log_dir=os.path.join(self._get_file_writer().get_logdir(), run_name or str(time.time()))) as writer:
            for message in messages:
                writer._add(message, global_step)
            for tag, value in metric_dict.items():
                writer.add_scalar(tag, value, global_step)

    def add_scalar(self, tag, scalar_value, global_step=None, walltime=None, new_style=False, double_precision=False) -> None:
        """A number; AssertionError for a tensor of several."""
        self._add(summary.scalar(tag, scalar_value, None, new_style, double_precision), global_step, walltime)

    def add_scalars(self, main_tag, tag_scalar_dict, global_step=None, walltime=None) -> None:
        """Several numbers drawn in one picture: each in a folder of its own, under one tag."""
        walltime = time.time() if walltime is None else walltime
        home = self._get_file_writer().get_logdir()
        for tag, value in tag_scalar_dict.items():
            folder = f"{home}/{main_tag.replace('/', '_')}_{tag}"
            if folder not in self.all_writers:
                self.all_writers[folder] = FileWriter(folder, self.max_queue, self.flush_secs, self.filename_suffix)
            self.all_writers[folder].add_summary(summary.scalar(main_tag, value), global_step, walltime)

    def add_tensor(self, tag, tensor, global_step=None, walltime=None) -> None:
        """A tensor as it is."""
        self._add(summary.tensor_proto(tag, tensor), global_step, walltime)

    def add_histogram(self, tag, values, global_step=None, bins="tensorflow", walltime=None, max_bins=None) -> None:
        """The distribution of a tensor's values; `bins` is "tensorflow" (limits that grow by 10 %), or `numpy.histogram`'s."""
        if isinstance(bins, str) and bins == "tensorflow":
            bins = self.default_bins
        self._add(summary.histogram(tag, values, bins, max_bins), global_step, walltime)

    def add_histogram_raw(
        self, tag, min, max, num, sum, sum_squares, bucket_limits, bucket_counts, global_step=None, walltime=None
    ) -> None:  # fmt: skip
        """A histogram counted elsewhere; ValueError where there are not as many counts as limits."""
        if len(bucket_limits) != len(bucket_counts):
            raise ValueError("len(bucket_limits) != len(bucket_counts), see the document.")
        self._add(summary.histogram_raw(tag, min, max, num, sum, sum_squares, bucket_limits, bucket_counts), global_step, walltime)

    # ---- pictures, sound, text ------------------------------------------------------------------------------------------

    def add_image(self, tag, img_tensor, global_step=None, walltime=None, dataformats="CHW") -> None:
        """A picture: values in [0, 1], or uint8 in [0, 255]; `dataformats` names its dimensions."""
        self._add(summary.image(tag, img_tensor, dataformats=dataformats), global_step, walltime)

    def add_images(self, tag, img_tensor, global_step=None, walltime=None, dataformats="NCHW") -> None:
        """Several pictures side by side, eight in a row."""
        self._add(summary.image(tag, img_tensor, dataformats=dataformats), global_step, walltime)

    def add_image_with_boxes(
        self, tag, img_tensor, box_tensor, global_step=None, walltime=None, rescale=1, dataformats="CHW", labels=None
    ) -> None:  # fmt: skip
        """A picture with boxes (N, 4) of corners (x0, y0, x1, y1) drawn in it; a label where there is one for each box."""
        labels = [labels] if isinstance(labels, str) else labels
        if labels is not None and len(labels) != make_np(box_tensor).shape[0]:
            labels = None
        self._add(summary.image_boxes(tag, img_tensor, box_tensor, rescale, dataformats, labels), global_step, walltime)

    def add_figure(self, tag, figure, global_step=None, close=True, walltime=None) -> None:
        """A matplotlib figure, or a list of them side by side; closed afterwards unless `close` is False."""
        formats = "NCHW" if isinstance(figure, list) else "CHW"
        self.add_image(tag, figure_to_image(figure, close), global_step, walltime, formats)

    def add_video(self, tag, vid_tensor, global_step=None, fps=4, walltime=None) -> None:
        """Videos (N, T, C, H, W) side by side, as an animated GIF; values as in `add_image`."""
        self._add(summary.video(tag, vid_tensor, fps), global_step, walltime)

    def add_audio(self, tag, snd_tensor, global_step=None, sample_rate=44100, walltime=None) -> None:
        """One channel of sound, values in [-1, 1]."""
        self._add(summary.audio(tag, snd_tensor, sample_rate), global_step, walltime)

    def add_text(self, tag, text_string, global_step=None, walltime=None) -> None:
        """A text, shown as Markdown."""
        self._add(summary.text(tag, text_string), global_step, walltime)

    # ---- graphs ---------------------------------------------------------------------------------------------------------

    def add_graph(self, model, input_to_model=None, verbose=False, use_strict_trace=True) -> None:
        """What a module computes on `input_to_model` (a tensor or a tuple of them): operations, grouped by submodules, with shapes."""
        from .graph import graph_of

        self._get_file_writer().add_graph(graph_of(model, input_to_model, verbose))

    def add_onnx_graph(self, prototxt) -> None:
        """The graph of an ONNX file."""
        from .graph import graph_of_onnx

        self._get_file_writer().add_onnx_graph(graph_of_onnx(prototxt))

    @staticmethod
    def _encode(rawstr) -> str:
        """A tag as the name of a folder."""
        return quote(rawstr, safe=" !\"#$&'()*+,-.:;<=>?@[]^_`{|}~").replace("%5C", "%5c").replace("%2F", "%2f")

    def add_embedding(self, mat, metadata=None, label_img=None, global_step=None, tag="default", metadata_header=None) -> None:
        """Points (N, D) for the projector, with labels (a list; of lists under `metadata_header`) and pictures (N, C, H, H)."""
        home = self._get_file_writer().get_logdir()
        info = embedding.write(home, mat, metadata, label_img, global_step, self._encode(tag), tag, metadata_header)
        self._projector_config.embeddings.append(info)
        embedding.write_list(home, self._projector_config)

    # ---- curves and layouts ---------------------------------------------------------------------------------------------

    def add_pr_curve(self, tag, labels, predictions, global_step=None, num_thresholds=127, weights=None, walltime=None) -> None:
        """Precision over recall, of predictions in [0, 1] against labels 0 and 1."""
        weights = None if weights is None else make_np(weights)
        made = summary.pr_curve(tag, make_np(labels), make_np(predictions), num_thresholds, weights)
        self._add(made, global_step, walltime)

    def add_pr_curve_raw(
        self, tag, true_positive_counts, false_positive_counts, true_negative_counts, false_negative_counts, precision, recall,
        global_step=None, num_thresholds=127, weights=None, walltime=None,
    ) -> None:  # fmt: skip
        """A precision-recall curve computed elsewhere."""
        counts = (true_positive_counts, false_positive_counts, true_negative_counts, false_negative_counts, precision, recall)
        self._add(summary.pr_curve_raw(tag, *map(make_np, counts), num_thresholds, weights), global_step, walltime)

    def add_custom_scalars_multilinechart(self, tags, category="default", title="untitled") -> None:
        """Draw the scalars of several tags in one picture."""
        self._add(summary.custom_scalars({category: {title: ["Multiline", tags]}}))

    def add_custom_scalars_marginchart(self, tags, category="default", title="untitled") -> None:
        """Draw a scalar between two others: tags of the value, the lower and the upper bound."""
        self._add(summary.custom_scalars({category: {title: ["Margin", tags]}}))

    def add_custom_scalars(self, layout) -> None:
        """Pictures of scalars: {category: {title: ["Multiline" or "Margin", tags]}}. Once for a writer."""
        self._add(summary.custom_scalars(layout))

    def add_mesh(self, tag, vertices, colors=None, faces=None, config_dict=None, global_step=None, walltime=None) -> None:
        """Points (B, N, 3), their colours (B, N, 3) and triangles (B, M, 3); ValueError for other shapes."""
        for t in (vertices, colors, faces):
            if t is not None and (t.ndim != 3 or t.shape[2] != 3):
                raise ValueError(f"Tensor shape should be of shape BxNx3, but got {t.shape}.")
        self._add(summary.mesh(tag, vertices, colors, faces, config_dict), global_step, walltime)

    # ---- the files ------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write out what waits."""
        for writer in (self.all_writers or {}).values():
            writer.flush()

    def close(self) -> None:
        """Write out what waits, and close the files; what is added later goes to a new file."""
        for writer in (self.all_writers or {}).values():
            writer.flush()
            writer.close()
        self.file_writer = self.all_writers = None

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        self.close()
