import wandb

R = 64
