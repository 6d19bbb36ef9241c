namespace Gpt2Cluster.Core.Devices;

/// <summary>The kinds of devices that <c>--device</c> names, slowest first.</summary>
public enum DeviceKind
{
    /// <summary>A share of a processor.</summary>
    Cpu,

    /// <summary>A graphics card.</summary>
    Cuda,
}

/// <summary>The words of <see cref="DeviceKind"/> on the command line and in messages.</summary>
public static class DeviceKinds
{
    /// <summary>What stands for no choice yet.</summary>
    public const string Auto = "auto";

    /// <summary>The word.</summary>
    public static string Word(this DeviceKind kind) => kind == DeviceKind.Cuda ? "cuda" : "cpu";

    /// <summary>What a word means; null for <c>auto</c> and for none.</summary>
    public static DeviceKind? Read(string? word) => word switch
    {
        "cpu" => DeviceKind.Cpu,
        "cuda" => DeviceKind.Cuda,
        _ => null,
    };
}
