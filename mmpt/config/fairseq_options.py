"""The options of ``fairseq-train`` that ``fairseq.<group>.<option>`` may name.

The names are those of fairseq 0.12, of all its optimizers and learning-rate schedules, so that a
misspelt one is found without installing or importing fairseq. Groups only arrange the file.
"""

__all__ = ["GROUPS", "OPTIONS", "SET_BY_LAUNCHER", "TYPES"]

GROUPS = (
    "bmuf",
    "checkpoint",
    "common",
    "common_eval",
    "dataset",
    "distributed_training",
    "ema",
    "generation",
    "lr_scheduler",
    "optimization",
    "optimizer",
)
"""Groups of options, named as in fairseq."""

SET_BY_LAUNCHER = frozenset(["arch", "criterion", "task", "user_dir"])
"""Options that every command has already."""

OPTIONS = frozenset(
    """
    adadelta_eps adadelta_rho adafactor_eps adam_betas adam_eps adamax_betas adamax_eps aim_repo
    aim_run_hash all_gather_list_size amp amp_batch_retries amp_init_scale amp_scale_window
    anneal_eps azureml_logging batch_size batch_size_valid best_checkpoint_metric beta1 bf16 bpe
    broadcast_buffers bucket_cap_mb checkpoint_shard_count checkpoint_suffix clip_norm
    clip_threshold combine_val combine_valid_subsets continue_once cpu cpu_offload curriculum
    data_buffer_size dataset_impl ddp_backend ddp_comm_hook debug_param_names decay_rate decay_steps
    device_id disable_validation distributed_backend distributed_init_method distributed_no_spawn
    distributed_num_procs distributed_port distributed_rank distributed_world_size dynamic_groups
    ema_decay ema_fp32 ema_seed_model ema_start_update ema_update_freq empty_cache_freq
    end_learning_rate epoch2lr fast_stat_sync final_lr_scale find_unused_parameters
    finetune_from_model fix_batches_to_gpus fixed_validation_seed force_anneal fp16 fp16_adam_stats
    fp16_init_scale fp16_no_flatten_grads fp16_scale_tolerance fp16_scale_window fp32_reduce_scatter
    gen_subset gradient_as_bucket_view grouped_shuffling groups heartbeat_timeout hold_steps
    ignore_unused_valid_subsets init_lr_scale keep_best_checkpoints keep_interval_updates
    keep_interval_updates_pattern keep_last_epochs lamb_betas lamb_eps
    load_checkpoint_on_all_dp_ranks local_rank localsgd_frequency log_file log_format log_interval
    lr lr_deacy_period lr_decay lr_patience lr_period_updates lr_scheduler lr_shrink lr_threshold
    max_epoch max_lr max_sentences max_sentences_valid max_tokens max_tokens_valid max_update
    max_valid_steps maximize_best_checkpoint_metric memory_efficient_bf16 memory_efficient_fp16
    min_loss_scale min_lr model_overrides model_parallel_size momentum no_bias_correction
    no_epoch_checkpoints no_last_checkpoints no_progress_bar no_reshard_after_forward no_save
    no_save_optimizer_state not_fsdp_flatten_parameters nprocs_per_node num_shards num_workers nval
    on_cpu_convert_precision optimizer optimizer_overrides path patience phase_ratio
    pipeline_balance pipeline_checkpoint pipeline_chunks pipeline_decoder_balance
    pipeline_decoder_devices pipeline_devices pipeline_encoder_balance pipeline_encoder_devices
    pipeline_model_parallel plasma_path post_process power profile quantization_config_path quiet
    relative_step remove_bpe required_batch_size_multiple required_seq_len_multiple reset_dataloader
    reset_logging reset_lr_scheduler reset_meters reset_optimizer restore_file results_path
    save_async save_dir save_interval save_interval_updates scale_parameter scoring seed
    sentence_avg shard_id shrink_min skip_invalid_size_inputs_valid_test skip_remainder_batch
    slowmo_base_algorithm slowmo_momentum stop_min_lr stop_time_hours store_ema suppress_crashes
    t_mult tensorboard_logdir threshold_loss_scale tokenizer total_num_update tpu train_subset
    update2lr update_epoch_batch_itr update_freq update_ordered_indices_seed use_bmuf use_old_adam
    use_plasma_view use_sharded_state valid_subset validate_after_updates validate_interval
    validate_interval_updates wandb_project warmup_init warmup_init_lr warmup_steps warmup_updates
    wd weight_decay write_checkpoints_asynchronously zero_sharding
    """.split()  # noqa: SIM905, one name per line would be 200 lines
)
"""Every option, with underscores."""

TYPES: dict[str, type | object] = {
    "batch_size": int,
    "clip_norm": float,
    "fp16": bool,
    "log_interval": int,
    "lr": list[float] | float,
    "lr_scheduler": str,
    "max_epoch": int,
    "max_update": int,
    "num_workers": int,
    "optimizer": str,
    "path": str,
    "reset_dataloader": bool,
    "reset_meters": bool,
    "reset_optimizer": bool,
    "restore_file": str,
    "save_dir": str,
    "seed": int,
    "tensorboard_logdir": str,
    "total_num_update": int,
    "valid_subset": str,
    "warmup_updates": int,
    "weight_decay": float,
}
"""Types of the options that nearly every task sets; fairseq itself checks the others."""
