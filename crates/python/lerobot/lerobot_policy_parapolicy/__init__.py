"""Parapolicy as a policy of LeRobot; importing the package registers the type ``parapolicy``."""

from lerobot_policy_parapolicy.configuration_parapolicy import ParapolicyConfig

__all__ = ["ParapolicyConfig"]
