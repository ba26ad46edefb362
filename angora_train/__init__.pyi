# SPDX-License-Identifier: Apache-2.0
# The public names and where they live: read by type checkers, and by the package itself
# when a name is first used.

from .agent.agent import Agent as Agent
from .agent.distributions import Distribution as Distribution
from .agent.export import export_agent as export_agent
from .agent.normalization import Normalizer as Normalizer
from .agent.normalization import RewardScaler as RewardScaler
from .analysis.actors import AgentActor as AgentActor
from .analysis.demonstration import demonstrate as demonstrate
from .analysis.evaluation import Evaluation as Evaluation
from .analysis.evaluation import evaluate as evaluate
from .analysis.group import read_group as read_group
from .analysis.intervals import summarize as summarize
from .analysis.pictures import film as film
from .analysis.pictures import write_video as write_video
from .analysis.recording.reader import load_recording as load_recording
from .analysis.recording.reader import open_recording as open_recording
from .analysis.recording.record import area_layers as area_layers
from .analysis.recording.record import record as record
from .analysis.recording.replay import replay as replay
from .analysis.recording.schema import area_activity as area_activity
from .analysis.recording.tables import to_pandas as to_pandas
from .analysis.recording.tables import to_rsatoolbox as to_rsatoolbox
from .analysis.recording.writer import save_recording as save_recording
from .config.loading import load_config as load_config
from .config.run import RunConfig as RunConfig
from .errors import AngoraError as AngoraError
from .networks.make import make_network as make_network
from .pretraining.fitting import pretrain as pretrain
from .ranks.comm import Comm as Comm
from .ranks.comm import LocalComm as LocalComm
from .ranks.comm import make_comm as make_comm
from .run.checkpoint import Checkpoint as Checkpoint
from .run.checkpoint import load_agent as load_agent
from .run.preparation import Prepared as Prepared
from .run.preparation import prepare as prepare
from .run.trainer import train as train
from .tasks.base import Task as Task
from .tasks.base import TaskConfig as TaskConfig
from .tasks.base import VectorTask as VectorTask
from .tasks.base import Verdict as Verdict
from .tasks.demonstrations import Demonstrations as Demonstrations
from .tasks.registry import make_task as make_task
from .tasks.registry import make_vector_task as make_vector_task
from .tasks.registry import register_task as register_task
from .tasks.registry import task_names as task_names
from .tasks.worlds.simulation import Simulation as Simulation

__version__: str
